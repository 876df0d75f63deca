/** What the handlers of all resources are given, and the shape in which each is entered in the table of routes. */
import { type ActionWish, beginAction } from "./actions.ts";
import { nth, parseRange, type Range, sizeOf } from "./addresses.ts";
import { list } from "./listing.ts";
import { showAction, type View } from "./shown.ts";
import type { Action, CloudState, Labels, Project } from "./state.ts";

export interface CloudSettings {
  /** Tokens, each of exactly 64 characters as the provider wants it, and whose they are. */
  readonly tokens: readonly { readonly token: string; readonly project: string; readonly readOnly?: boolean }[];
  /** Public IPv4 addresses are given from here. */
  readonly publicRange: string;
  /** The first of them to give, counted from the range's beginning. */
  readonly firstPublic: number;
  /** Milliseconds that an action takes at least, by its command; `default` for the rest. */
  readonly durationsMs: Readonly<Record<string, number>>;
  /** Requests an hour and project. */
  readonly requestLimit: number;
  readonly serverLimit: number;
}

export class Context implements View {
  readonly state: CloudState;
  readonly project: Project;
  readonly projectIndex: number;
  readonly nowMs: number;
  readonly settings: CloudSettings;
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** Parts of the path, by name. */
  readonly at: Readonly<Record<string, string>>;
  readonly #takenElsewhere: readonly string[];

  constructor(given: {
    state: CloudState;
    projectIndex: number;
    nowMs: number;
    settings: CloudSettings;
    query: URLSearchParams;
    body: unknown;
    at: Readonly<Record<string, string>>;
    taken: readonly string[];
  }) {
    this.state = given.state;
    this.projectIndex = given.projectIndex;
    this.project = given.state.projects[given.projectIndex] as Project;
    this.nowMs = given.nowMs;
    this.settings = given.settings;
    this.query = given.query;
    this.body = given.body;
    this.at = given.at;
    this.#takenElsewhere = given.taken;
  }

  newId(): number {
    return this.state.nextId++;
  }

  begin(wish: ActionWish): Action {
    const { state, projectIndex: project, nowMs, settings } = this;
    const durationMs = (command: string) => settings.durationsMs[command] ?? settings.durationsMs.default ?? 0;
    return beginAction({ state, project, nowMs, durationMs }, wish);
  }

  /** The answer that is nothing but an action. */
  began(wish: ActionWish): Answer {
    return { status: 201, body: { action: this.shown(this.begin(wish)) } };
  }

  shown(action: Action): object {
    return showAction(action, this.nowMs);
  }

  /** A page of a list, under the list's name. */
  page<T extends { id: number; name?: string | null; labels?: Labels }>(
    key: string,
    all: readonly T[],
    show: (item: T) => object,
  ): Answer {
    const { items, meta } = list(all, this.query);
    return { body: { [key]: items.map(show), meta } };
  }

  /** A public address that nobody has: the lowest, so that a lab's numbers stay small. */
  freePublicIpv4(): string | undefined {
    const range = parseRange(this.settings.publicRange) as Range;
    const given = this.state.projects.flatMap(({ primary_ips }) => primary_ips.map(({ ip }) => ip));
    const taken = new Set([...given, ...this.#takenElsewhere]);
    for (let n = this.settings.firstPublic; n < sizeOf(range) - 1; n++)
      if (!taken.has(nth(range, n))) return nth(range, n);
    return undefined;
  }
}

export interface Answer {
  /** 200 unless said. */
  readonly status?: number;
  /** Without one: 204. */
  readonly body?: object;
}

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** `/servers/:id/actions/poweroff` */
  readonly path: string;
  readonly handle: (context: Context) => Answer;
}
