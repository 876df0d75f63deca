/**
 * The agent's HTTP: everything on the Unix socket (root only), and what only reads on a TCP port too.
 * Health endpoints answer 200 or 503 as Patroni's do, so that load balancers and probes need no more.
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { z } from "zod";
import type { AgentStatus, HistoryEntry, SwitchoverProgress, SwitchoverRequest } from "../../contract/agent-status.ts";
import { switchoverRequestSchema } from "../../contract/agent-status.ts";
import type { Metrics } from "./metrics.ts";

/** What the endpoints need of the agent. */
export interface Desk {
  status(): AgentStatus;
  history(): Promise<HistoryEntry[]>;
  /** A refusal is told with its next step. */
  switchover(request: SwitchoverRequest): { id: string; from: string; to: string } | { refused: string; next: string };
  progress(id: string): SwitchoverProgress | null;
  pause(reason: string): Promise<void>;
  resume(): Promise<void>;
}

const health: Record<string, (status: AgentStatus) => boolean> = {
  "/active": (status) => status.role === "active" && status.key.loaded,
  "/standby": (status) => status.role === "standby" && status.ready,
  "/healthy": (status) => status.consul.reachable && status.role !== "demoting" && (status.neard?.running ?? true),
  "/ready": (status) => status.role === "arbiter" || status.role === "active" || status.ready,
};

const maxBodyBytes = 64 * 1024;
const pauseSchema = z.strictObject({ reason: z.string().max(500).default("") });

export function socketServer(path: string, desk: Desk, metrics: Metrics): Server {
  rmSync(path, { force: true });
  const server = createServer((request, response) => void answer(request, response, desk, metrics, true));
  server.listen(path, () => chmodSync(path, 0o600));
  return server;
}

export function monitoringServer(address: string, port: number, desk: Desk, metrics: Metrics): Server {
  const server = createServer((request, response) => void answer(request, response, desk, metrics, false));
  server.listen(port, address);
  return server;
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
      error: error instanceof Error ? error.message : String(error),
      next: "see the agent's log",
    });
  }
}

async function route(
  request: IncomingMessage,
  response: ServerResponse,
  desk: Desk,
  metrics: Metrics,
  mayChange: boolean,
): Promise<void> {
  const path = new URL(request.url ?? "/", "http://agent").pathname;
  if (request.method === "GET") {
    const check = health[path];
    const status = desk.status();
    if (check !== undefined)
      return send(response, check(status) ? 200 : 503, { role: status.role, because: status.because });
    if (path === "/status") return send(response, 200, status);
    if (path === "/history") return send(response, 200, await desk.history());
    if (path === "/metrics") {
      response.writeHead(200, { "content-type": metrics.contentType }).end(await metrics.render(status));
      return;
    }
    if (path.startsWith("/switchover/")) {
      const progress = desk.progress(path.slice("/switchover/".length));
      if (progress !== null) return send(response, 200, progress);
    }
  } else if (request.method === "POST" && mayChange) {
    if (path === "/switchover") {
      const result = desk.switchover(switchoverRequestSchema.parse(await body(request)));
      if ("refused" in result) return send(response, 409, { error: result.refused, next: result.next });
      return send(response, 202, result);
    }
    if (path === "/pause") {
      await desk.pause(pauseSchema.parse(await body(request)).reason);
      return send(response, 200, { paused: true });
    }
    if (path === "/resume") {
      await desk.resume();
      return send(response, 200, { paused: false });
    }
  }
  send(response, 404, { error: `no ${request.method} ${path} here`, next: "see docs/agent-api.md" });
}

function send(response: ServerResponse, code: number, value: unknown): void {
  response.writeHead(code, { "content-type": "application/json" }).end(`${JSON.stringify(value)}\n`);
}

async function body(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > maxBodyBytes) throw new SyntaxError("the request's body is too long");
  }
  return text.trim() === "" ? {} : JSON.parse(text);
}
