import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SwitchoverProgress } from "../contract/wire/agent-status.ts";
import { AgentSocket } from "./socket-client.ts";

let directory: string;
let server: Server | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-socket-"));
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  await rm(directory, { recursive: true });
});

/** An agent that answers as told. */
async function agent(answer: RequestListener, timeoutMs = 2000): Promise<AgentSocket> {
  const path = join(directory, "socket");
  const { promise, resolve } = Promise.withResolvers<void>();
  server = createServer(answer).listen(path, resolve);
  await promise;
  return new AgentSocket({ path, timeoutMs });
}

test("asks for a switchover, and follows it", async () => {
  const progress: SwitchoverProgress = { id: "a/b", state: "running", from: "host-a", to: "host-b", because: "x" };
  const asked: string[] = [];
  const socket = await agent((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      asked.push(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`.trim());
      response.statusCode = request.method === "POST" ? 202 : 200;
      response.end(JSON.stringify(request.method === "POST" ? { id: "a/b" } : progress));
    });
  });
  const id = await socket.switchover({ to: "host-b" });
  expect(await socket.switchoverProgress(id)).toEqual(progress);
  expect(asked).toEqual(['POST /switchover {"to":"host-b"}', "GET /switchover/a%2Fb"]);
});

test("a refusal comes with its next step", async () => {
  const socket = await agent((_request, response) => {
    response.statusCode = 409;
    response.end(JSON.stringify({ error: "no standby is ready", next: "Wait." }));
  });
  await expect(socket.switchover({})).rejects.toMatchObject({
    code: "HF_REFUSED",
    message: "no standby is ready",
    next: "Wait.",
  });
});

test.each<[string, RequestListener]>([
  ["another status", (_request, response) => response.writeHead(500).end("broken")],
  ["no JSON", (_request, response) => response.end("<html>")],
  ["another shape", (_request, response) => response.end('{"role":"primary"}')],
  ["nothing in time", () => undefined],
  ["a closed connection", (request) => request.socket.destroy()],
])("%s is no usable answer", async (_what, answer) => {
  const socket = await agent(answer, 100);
  await expect(socket.status()).rejects.toMatchObject({ code: "HF_AGENT_UNREACHABLE" });
});

test("no agent", async () => {
  const socket = new AgentSocket({ path: join(directory, "none") });
  await expect(socket.history()).rejects.toMatchObject({
    code: "HF_AGENT_UNREACHABLE",
    message: expect.stringContaining("ENOENT"),
  });
});
