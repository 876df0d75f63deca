/**
 * What holdfast asks of Hetzner Cloud beside Pulumi's provider: what is there before anything is made, and the power of
 * a server. Light enough for the agent's bundle.
 *
 * Not promised: that an action which did not end in time does not end later, or that a server which is `off` now stays so.
 */
import type { HcloudError } from "./errors.ts";
import { type Bounds, type Call, type HcloudOptions, type RateLimit, Sender } from "./request.ts";
import { type Action, actionSchema, type Collection, collections, type Item, pageSchema } from "./schemas.ts";

/** Which things of a collection: all conditions together. */
export interface Query {
  /** The very name; names are unique in a project, except of images, which have one for each architecture. */
  readonly name?: string | undefined;
  /** Labels that it must have. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Images only. */
  readonly architecture?: "x86" | "arm" | undefined;
  /** Images only: also those that nobody shall begin with any more. */
  readonly includeDeprecated?: boolean | undefined;
}

/** What a server's power can be told. `shutdown` is a signal: its action ends when that is sent, not when the server is off. */
export type PowerCommand = "poweroff" | "poweron" | "shutdown" | "reset";

/** How an action is waited for. */
export interface Wait extends Bounds {
  /** Between two looks; default: 1 s, which is what the rate limit regains. */
  readonly pollMs?: number | undefined;
}

/** The most that the API takes. */
const perPage = "50";
const defaultPollMs = 1000;
const defaultActionMs = 300_000;

export class HcloudClient {
  readonly #sender: Sender;

  /** @throws TypeError for a token of the wrong form */
  constructor(options: HcloudOptions) {
    this.#sender = new Sender(options);
  }

  /** What the last answer said of the project's rate limit; null: nothing yet. */
  get rateLimit(): RateLimit | null {
    return this.#sender.rateLimit;
  }

  /** All of a collection that match, over all pages. @throws HcloudError */
  async list<Name extends Collection>(name: Name, query: Query = {}, bounds: Bounds = {}): Promise<Item<Name>[]> {
    const found: Item<Name>[] = [];
    const { withinMs = 60_000 } = bounds;
    const deadlineMs = this.#sender.clock.monotonicMs() + withinMs;
    for (let page = 1; ; ) {
      const call = {
        method: "GET",
        path: `/${name}`,
        query: { ...parametersOf(query), page: String(page), per_page: perPage },
        fails: `${words(name)} cannot be listed`,
      } as const;
      const left = { ...bounds, withinMs: deadlineMs - this.#sender.clock.monotonicMs() };
      const answer = await this.#sender.send(call, left);
      const items = this.#member(call, answer, name);
      if (!Array.isArray(items)) throw this.#malformed(call);
      found.push(...items.map((item) => this.#item(call, name, item)));
      const next = pageSchema.safeParse(answer).data?.meta?.pagination.next_page ?? null;
      if (next === null) return found;
      // One that does not lead on would never end.
      if (next <= page) throw this.#malformed(call);
      page = next;
    }
  }

  /** @throws HcloudError, also when there is none (`isNotFound`) */
  async get<Name extends Collection>(name: Name, id: number, bounds: Bounds = {}): Promise<Item<Name>> {
    const { one } = collections[name];
    const call = { method: "GET", path: `/${name}/${id}`, fails: `${words(one)} ${id} cannot be read` } as const;
    const answer = await this.#sender.send(call, bounds);
    return this.#item(call, name, this.#member(call, answer, one));
  }

  /**
   * Begins it, and does not wait for its end. `poweroff` is accepted on a server that is off.
   * @throws HcloudError `locked` while another action runs on the server, unless `bounds.retryLocked`
   */
  async power(command: PowerCommand, serverId: number, bounds: Bounds = {}): Promise<Action> {
    return await this.#act(`/servers/${serverId}/actions/${command}`, {}, `${command} of server ${serverId}`, bounds);
  }

  /** Cuts the power and waits for the end of that; then `get("servers", id)` says `off`. @throws HcloudError */
  async powerOff(serverId: number, wait: Wait = {}): Promise<Action> {
    return await this.#powered("poweroff", serverId, wait);
  }

  /** Gives it power and waits for the end of that; a server may fail to start all the same. @throws HcloudError */
  async powerOn(serverId: number, wait: Wait = {}): Promise<Action> {
    return await this.#powered("poweron", serverId, wait);
  }

  /** Whether the API refuses to delete a server (and to rebuild it: the two must be equal) or an address. @throws HcloudError */
  async changeProtection(
    name: "servers" | "primary_ips" | "networks",
    id: number,
    protect: boolean,
    wait: Wait = {},
  ): Promise<Action> {
    const body = name === "servers" ? { delete: protect, rebuild: protect } : { delete: protect };
    const what = `change of protection of ${words(collections[name].one)} ${id}`;
    const end = this.#within(wait);
    return await this.waitFor(await this.#act(`/${name}/${id}/actions/change_protection`, body, what, end()), end());
  }

  /**
   * Until the action has ended well; by default five minutes.
   * @throws HcloudError with the action's own code when it failed; `late` when it had not ended
   */
  async waitFor(begun: Action, wait: Wait = {}): Promise<Action> {
    const { pollMs = defaultPollMs, withinMs = defaultActionMs, signal } = wait;
    const { clock } = this.#sender;
    const deadlineMs = clock.monotonicMs() + withinMs;
    const call = { fails: `action ${begun.id} (${begun.command})` };
    const noAnswer = { apiCode: "", status: null, correlationId: null } as const;
    for (let action = begun; ; ) {
      if (action.status === "success") return action;
      if (action.status === "error") {
        const { code = "", message = "it failed" } = action.error ?? {};
        const why = code === "" ? message : `${message} (${code})`;
        throw this.#sender.failure(call, why, { ...noAnswer, is: "action", apiCode: code });
      }
      await clock.sleep(Math.max(0, Math.min(pollMs, deadlineMs - clock.monotonicMs())), signal ?? never);
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) throw this.#sender.failure(call, "it has not ended in time", { ...noAnswer, is: "late" });
      action = await this.get("actions", begun.id, { withinMs: leftMs, signal });
    }
  }

  async #powered(command: PowerCommand, serverId: number, wait: Wait): Promise<Action> {
    const end = this.#within(wait);
    return await this.waitFor(await this.power(command, serverId, end()), end());
  }

  /** Several calls under one deadline: each gets what is left of it. */
  #within(wait: Wait): () => Wait {
    const { withinMs = defaultActionMs } = wait;
    const deadlineMs = this.#sender.clock.monotonicMs() + withinMs;
    return () => ({ ...wait, withinMs: deadlineMs - this.#sender.clock.monotonicMs() });
  }

  async #act(path: string, body: object, what: string, bounds: Bounds): Promise<Action> {
    const call: Call = { method: "POST", path, body, fails: `${what} cannot be begun` };
    const answer = await this.#sender.send(call, bounds);
    const { data } = actionSchema.safeParse(this.#member(call, answer, "action"));
    if (data === undefined) throw this.#malformed(call);
    return data;
  }

  #item<Name extends Collection>(call: Call, name: Name, item: unknown): Item<Name> {
    const { data, error } = collections[name].schema.safeParse(item);
    if (error !== undefined) throw this.#malformed(call, error.issues[0]?.path.join("."));
    return data as Item<Name>;
  }

  #member(call: Call, answer: unknown, name: string): unknown {
    if (typeof answer !== "object" || answer === null || !(name in answer)) throw this.#malformed(call, name);
    return (answer as Readonly<Record<string, unknown>>)[name];
  }

  #malformed(call: Call, where?: string): HcloudError {
    const why = `its answer has another form than documented${where ? ` (${where})` : ""}`;
    return this.#sender.failure(call, why, { is: "malformed", apiCode: "", status: 200, correlationId: null });
  }
}

/** For a wait that nobody ends. */
const never = new AbortController().signal;

const words = (name: string) => name.replaceAll("_", " ");

function parametersOf({ name, labels = {}, architecture, includeDeprecated }: Query): Record<string, string> {
  const selector = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return {
    ...(name === undefined ? {} : { name }),
    ...(selector.length === 0 ? {} : { label_selector: selector.join(",") }),
    ...(architecture === undefined ? {} : { architecture }),
    ...(includeDeprecated ? { include_deprecated: "true" } : {}),
  };
}
