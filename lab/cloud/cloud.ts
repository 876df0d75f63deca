/**
 * The cloud as a state machine: a request and a moment go in, an answer comes out, and with it orders to the machines. Nothing in
 * here reads a clock, listens or waits; that is service.ts.
 *
 * Awkward case: a power-off that lies. Then what the API says of a server and what its machine does differ on purpose, and
 * `observe`, which keeps both the same, must leave that server alone.
 */
import { isLocked, nextDueMs, openOrders, report, settle } from "./actions.ts";
import { ApiError } from "./api-error.ts";
import { serverTypes } from "./catalogue.ts";
import { catalogueRoutes } from "./catalogue-routes.ts";
import { type CloudSettings, Context, type Route } from "./context.ts";
import { type FaultInput, faultSchema, type RequestFault, takeRequestFault } from "./faults.ts";
import { firewallRoutes } from "./firewall-routes.ts";
import type { Order } from "./machines.ts";
import { networkRoutes } from "./network-routes.ts";
import { primaryIpRoutes } from "./primary-ip-routes.ts";
import { serverRoutes } from "./server-routes.ts";
import { smallRoutes } from "./small-routes.ts";
import { type CloudState, newProject, type Project } from "./state.ts";

export interface ApiRequest {
  readonly method: string;
  /** Behind the version, with its query: `/servers?name=a`. */
  readonly path: string;
  /** As it came: `Bearer …`. */
  readonly authorization: string | undefined;
  /** Text of the body; empty: none. */
  readonly body: string;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** undefined: no body. A string is sent as it is, and is no JSON. */
  readonly body: object | string | undefined;
  /** What the edge does with the answer instead of sending it at once. */
  readonly fault: RequestFault | undefined;
}

const routes: readonly Route[] = [
  ...catalogueRoutes,
  ...smallRoutes,
  ...networkRoutes,
  ...firewallRoutes,
  ...primaryIpRoutes,
  ...serverRoutes,
];

/** Calls that are remembered; the counts go on. */
const mostCalls = 2000;
/** Actions that are over and are remembered. */
const mostActions = 2000;

const msPerRequest = 1000;

export class Cloud {
  readonly settings: CloudSettings;
  readonly state: CloudState;

  constructor(settings: CloudSettings, nowMs: number, before?: CloudState) {
    this.settings = settings;
    this.state = before ?? {
      nextId: 1_000_001,
      nextCorrelation: 1,
      projects: [],
      serverTypes: serverTypes(),
      actions: [],
      faults: [],
      calls: [],
      counts: { reads: 0, writes: 0 },
    };
    for (const { project } of settings.tokens)
      if (!this.state.projects.some(({ name }) => name === project))
        this.state.projects.push(newProject(project, nowMs, settings.requestLimit));
  }

  /** The project of a name. */
  project(name: string): Project {
    const found = this.state.projects.find((project) => project.name === name);
    if (found === undefined) throw new Error(`the cloud has no project ${name}`);
    return found;
  }

  /** @throws ZodError where it is none */
  inject(fault: FaultInput): void {
    this.state.faults.push(faultSchema.parse(fault));
  }

  /** What has come of the actions; orders that are to be carried out now. */
  settle(nowMs: number): Order[] {
    const orders = settle(this.state, nowMs);
    const over = this.state.actions.filter(({ status }) => status !== "running");
    if (over.length > mostActions) {
      const forgotten = new Set(over.slice(0, over.length - mostActions));
      this.state.actions = this.state.actions.filter((action) => !forgotten.has(action));
    }
    return orders;
  }

  report(order: Order, nowMs: number, failed?: string): void {
    report(this.state, order, nowMs, failed);
  }

  nextDueMs(): number | undefined {
    return nextDueMs(this.state);
  }

  openOrders(): Order[] {
    return openOrders(this.state);
  }

  /** Machines go on and off by themselves too. `isOn`: of a server's id; undefined: there is no machine. */
  observe(isOn: (serverId: number) => boolean | undefined): void {
    for (const { servers } of this.state.projects)
      for (const server of servers) {
        const on = isOn(server.id);
        if (on === undefined || isLocked(this.state, "server", server.id)) continue;
        if (server.status === "running" || server.status === "off") server.status = on ? "running" : "off";
      }
  }

  /**
   * Answers one request.
   * @param taken public addresses that others have
   */
  handle(request: ApiRequest, nowMs: number, taken: readonly string[] = []): ApiResponse {
    const holder = this.settings.tokens.find(({ token }) => request.authorization === `Bearer ${token}`);
    const index = this.state.projects.findIndex(({ name }) => name === holder?.project);
    const project = this.state.projects[index];
    const fault = takeRequestFault(this.state.faults, {
      project: project?.name,
      method: request.method,
      path: request.path,
    });
    const headers: Record<string, string> = {
      "X-Correlation-Id": (this.state.nextCorrelation++).toString(16).padStart(16, "0"),
    };
    const answer = (status: number, body: object | string | undefined): ApiResponse => {
      this.#remember(request, project?.name ?? null, status, nowMs);
      return { status, headers, body, fault };
    };
    try {
      if (project === undefined || holder === undefined) throw new ApiError("unauthorized", "unable to authenticate");
      if (fault?.outcome === "error" && fault.plain === true) return answer(fault.status ?? 502, "bad gateway\n");
      if (fault?.outcome === "error")
        throw new ApiError(fault.code, fault.message ?? `${fault.code}, as the lab was told`, null, fault.status);
      if (fault?.outcome === "cut") return answer(0, undefined);
      Object.assign(headers, this.#spend(project, nowMs));
      if (request.method !== "GET" && holder.readOnly === true)
        throw new ApiError("token_readonly", "this token may only read");
      const { status = 200, body } = this.#route(request, index, nowMs, taken);
      return answer(status, body);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      Object.assign(
        headers,
        error.code === "rate_limit_exceeded" && project !== undefined ? this.#quota(project, nowMs) : {},
      );
      return answer(error.status, error.body);
    }
  }

  #route(request: ApiRequest, projectIndex: number, nowMs: number, taken: readonly string[]) {
    const url = new URL(request.path, "http://cloud");
    for (const { method, path, handle } of routes) {
      const at = method === request.method ? match(path, url.pathname) : undefined;
      if (at === undefined) continue;
      const body = readBody(request.body);
      const { state, settings } = this;
      return handle(new Context({ state, projectIndex, nowMs, settings, query: url.searchParams, body, at, taken }));
    }
    if (routes.some(({ path }) => match(path, url.pathname) !== undefined))
      throw new ApiError("not_found", `the lab's cloud has no ${request.method} ${url.pathname}`);
    throw new ApiError("unsupported_error", `the lab's cloud does not imitate ${request.method} ${url.pathname}`);
  }

  /** Takes one request from the project's quota. @throws ApiError rate_limit_exceeded */
  #spend(project: Project, nowMs: number): Record<string, string> {
    const headers = this.#quota(project, nowMs);
    if (project.quota.remaining < 1) throw new ApiError("rate_limit_exceeded", "rate limit exceeded");
    project.quota.remaining--;
    return { ...headers, "RateLimit-Remaining": String(Math.floor(project.quota.remaining)) };
  }

  #quota({ quota }: Project, nowMs: number): Record<string, string> {
    const { requestLimit } = this.settings;
    quota.remaining = Math.min(requestLimit, quota.remaining + (nowMs - quota.atMs) / msPerRequest);
    quota.atMs = nowMs;
    return {
      "RateLimit-Limit": String(requestLimit),
      "RateLimit-Remaining": String(Math.floor(quota.remaining)),
      "RateLimit-Reset": String(Math.ceil((nowMs + (requestLimit - quota.remaining) * msPerRequest) / 1000)),
    };
  }

  #remember({ method, path }: ApiRequest, project: string | null, status: number, atMs: number): void {
    const { calls, counts } = this.state;
    calls.push({ atMs, project, method, path, status });
    if (calls.length > mostCalls) calls.splice(0, calls.length - mostCalls);
    if (method === "GET") counts.reads++;
    else counts.writes++;
  }
}

/** The named parts of a path; undefined: it is another one. */
function match(pattern: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  if (wanted.length !== given.length) return undefined;
  const at: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const actual = given[index] ?? "";
    if (part.startsWith(":")) at[part.slice(1)] = decodeURIComponent(actual);
    else if (part !== actual) return undefined;
  }
  return at;
}

function readBody(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ApiError("json_error", "the body is no JSON");
  }
}
