/**
 * The agent's HTTP: everything on the Unix socket (root only), and what only reads on a TCP port too.
 * Health endpoints answer 200 or 503 as Patroni's do, so that load balancers and probes need no more.
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import * as z from "zod";
import { plainReason } from "../../contract/errors.ts";
import { fenceRequestSchema } from "../../contract/fencing.ts";
import {
  type AgentStatus,
  agentStatusShape,
  type StandDownRequest,
  type SwitchoverProgress,
  type SwitchoverRequest,
  snapshotRestoreSchema,
  snapshotSaveSchema,
  standDownRequestSchema,
  standUpRequestSchema,
  switchoverRequestSchema,
} from "../../contract/wire/agent-status.ts";
import { stamped } from "../../contract/wire/format.ts";
import { type HistoryEntry, historyEntryShape, historyPageEntries } from "../../contract/wire/history.ts";
import { maxSnapshotBytes } from "../../host/consul/snapshot.ts";
import type { PowerDesk } from "../power/power-desk.ts";
import { longestPage, type Page } from "./history-book.ts";
import type { Metrics } from "./metrics.ts";
import type { Refusal } from "./refusal.ts";

/** What the endpoints need of the agent. */
export interface Desk {
  status(): AgentStatus;
  history(page: Page): Promise<HistoryEntry[]>;
  /** A refusal is told with its next step. */
  switchover(request: SwitchoverRequest): Promise<{ id: string; from: string; to: string } | Refusal>;
  progress(id: string): SwitchoverProgress | null;
  pause(reason: string): Promise<void>;
  resume(): Promise<void>;
  standDown(request: StandDownRequest): Refusal | null;
  standUp(id: string): void;
  saveSnapshot(token: string): Promise<Buffer | Refusal>;
  restoreSnapshot(token: string, snapshot: Buffer): Promise<Refusal | null>;
  readonly power: PowerDesk;
}

/** Which question has a yes. */
export const health: Record<string, (status: AgentStatus) => boolean> = {
  "/active": (status) => status.role === "active" && status.key.loaded,
  "/standby": (status) => status.role === "standby" && status.ready,
  "/healthy": (status) => status.consul.reachable && status.role !== "demoting" && (status.neard?.running ?? true),
  "/ready": (status) => status.role === "arbiter" || status.role === "active" || status.ready,
};

/** After the monitoring port could not be had. */
const listenAgainMs = 10_000;
const maxBodyBytes = 64 * 1024;
/** A snapshot in base64, and what is around it. */
const maxSnapshotBodyBytes = Math.ceil((maxSnapshotBytes * 4) / 3) + 4096;
const pageSchema = z.object({
  limit: z.coerce.number().int().min(1).max(longestPage).default(historyPageEntries),
  before: z.coerce.number().int().optional(),
});
const pauseSchema = z.strictObject({ reason: z.string().max(500).default("") });

export function socketServer(path: string, desk: Desk, metrics: Metrics): Server {
  rmSync(path, { force: true });
  const server = createServer((request, response) => void answer(request, response, desk, metrics, true));
  server.listen(path, () => chmodSync(path, 0o600));
  return server;
}

/** Whoever only looks at the validator must not cost it: an address or port that cannot be had is tried again. */
export function monitoringServer(
  { address, port }: { address: string; port: number },
  desk: Desk,
  metrics: Metrics,
  onError: (error: Error) => void,
): Server {
  const server = createServer((request, response) => void answer(request, response, desk, metrics, false));
  const listen = () => server.listen(port, address);
  server.on("error", (error) => {
    onError(error);
    setTimeout(listen, listenAgainMs).unref();
  });
  return listen();
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  desk: Desk,
  metrics: Metrics,
  mayChange: boolean,
): Promise<void> {
  try {
    await route(request, response, desk, metrics, mayChange);
  } catch (error) {
    const fault = error instanceof z.ZodError || error instanceof SyntaxError;
    send(response, fault ? 400 : 500, {
      error: plainReason(error),
      next: "see the agent's log",
    });
  }
}

/** What changes something: on the socket alone. Undefined: there is no such request. */
async function change(
  path: string,
  request: IncomingMessage,
  desk: Desk,
): Promise<{ code: number; value: unknown } | undefined> {
  const answer = (result: object | null, code = 200) =>
    result !== null && "refused" in result
      ? { code: 409, value: { error: result.refused, next: (result as Refusal).next } }
      : { code, value: result ?? {} };
  switch (path) {
    case "/switchover":
      return answer(await desk.switchover(switchoverRequestSchema.parse(await body(request))), 202);
    case "/pause":
      await desk.pause(pauseSchema.parse(await body(request)).reason);
      return answer({ paused: true });
    case "/resume":
      await desk.resume();
      return answer({ paused: false });
    case "/stand-down":
      return answer(desk.standDown(standDownRequestSchema.parse(await body(request))));
    case "/stand-up":
      desk.standUp(standUpRequestSchema.parse(await body(request)).id);
      return answer(null);
    case "/fence/test":
    case "/fence/off":
    case "/fence/on": {
      const { host } = fenceRequestSchema.parse(await body(request));
      return answer(await desk.power[path.slice("/fence/".length) as "test" | "off" | "on"](host));
    }
    case "/fence/confirm":
      return answer(desk.power.confirm(fenceRequestSchema.parse(await body(request)).host));
    case "/snapshot/save": {
      const { token } = snapshotSaveSchema.parse(await body(request));
      const saved = await desk.saveSnapshot(token);
      return answer(Buffer.isBuffer(saved) ? { snapshot: saved.toString("base64") } : saved);
    }
    case "/snapshot/restore": {
      const { token, snapshot } = snapshotRestoreSchema.parse(await body(request, maxSnapshotBodyBytes));
      return answer(await desk.restoreSnapshot(token, Buffer.from(snapshot, "base64")));
    }
    default:
      return undefined;
  }
}

async function route(
  request: IncomingMessage,
  response: ServerResponse,
  desk: Desk,
  metrics: Metrics,
  mayChange: boolean,
): Promise<void> {
  const { pathname: path, searchParams } = new URL(request.url ?? "/", "http://agent");
  if (request.method === "GET") {
    const check = health[path];
    const status = desk.status();
    if (check !== undefined)
      return send(response, check(status) ? 200 : 503, { role: status.role, because: status.because });
    if (path === "/status") return send(response, 200, stamped(agentStatusShape, status));
    if (path === "/history") {
      const entries = await desk.history(pageSchema.parse(Object.fromEntries(searchParams)));
      const page = entries.map((entry) => stamped(historyEntryShape, entry));
      return send(response, 200, page);
    }
    if (path === "/metrics") {
      response.writeHead(200, { "content-type": metrics.contentType }).end(await metrics.render(status));
      return;
    }
    if (path.startsWith("/switchover/")) {
      const progress = desk.progress(path.slice("/switchover/".length));
      if (progress !== null) return send(response, 200, progress);
    }
  } else if (request.method === "POST" && mayChange) {
    const changed = await change(path, request, desk);
    if (changed !== undefined) return send(response, changed.code, changed.value);
  }
  send(response, 404, { error: `no ${request.method} ${path} here`, next: "see docs/agent-api.md" });
}

function send(response: ServerResponse, code: number, value: unknown): void {
  response.writeHead(code, { "content-type": "application/json" }).end(`${JSON.stringify(value)}\n`);
}

async function body(request: IncomingMessage, maxBytes = maxBodyBytes): Promise<unknown> {
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > maxBytes) throw new SyntaxError("the request's body is too long");
  }
  return text.trim() === "" ? {} : JSON.parse(text);
}
