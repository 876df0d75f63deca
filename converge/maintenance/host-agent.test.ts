import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AgentSocket } from "../../host/socket-client.ts";
import type { UnitFact } from "../facts.ts";
import { hostAgent } from "./host-agent.ts";

let folder: string;
let server: Server | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-host-agent-"));
});
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
  server = null;
  rmSync(folder, { recursive: true });
});

const path = () => join(folder, "agent.sock");
const unit = (state: UnitFact["state"]) => ({ state }) as UnitFact;
const look = async (state: UnitFact["state"] | Error | null = "running", timeoutMs = 5000) =>
  await hostAgent(
    async () => {
      if (state instanceof Error) throw state;
      return state === null ? undefined : unit(state);
    },
    new AgentSocket({ path: path(), timeoutMs }),
  ).look();

/** An agent that answers this to every question; null: never. */
async function answering(code: number, body: string | null): Promise<void> {
  server = createServer((_, response) => {
    if (body !== null) response.writeHead(code).end(body);
  });
  await new Promise<void>((resolve) => server?.listen(path(), resolve));
}

test("an agent's role, of whatever version it is", async () => {
  await answering(200, JSON.stringify({ role: "active", active: "host-a", news: { of: "a later version" } }));
  expect(await look()).toEqual({ role: "active", active: "host-a" });
});

test("one of a version that does not say who is active", async () => {
  await answering(200, JSON.stringify({ role: "standby" }));
  expect(await look()).toEqual({ role: "standby", active: null });
});

test.for([
  ["not JSON", 200, "<html>"],
  ["JSON without a role", 200, "{}"],
  ["a role that nobody knows", 200, '{"role":"emperor"}'],
  ["an error", 500, '{"error":"it broke"}'],
  ["silence", 200, null],
] as const)("%s is not the absence of an agent, whatever systemd says", async ([, code, body]) => {
  await answering(code, body);
  const timeoutMs = body === null ? 200 : 5000;
  for (const state of ["running", "down"] as const) expect(await look(state, timeoutMs)).toHaveProperty("unknown");
});

test("nobody on the socket, and a unit that does not run: there is none", async () => {
  expect(await look("down")).toEqual({ absent: "holdfastd.service does not run" });
});

test.for([["running"], ["starting"], [new Error("systemd does not answer")], [null]] as const)(
  "nobody on the socket proves nothing while systemd says otherwise, or nothing (%s)",
  async ([state]) => {
    expect(await look(state)).toHaveProperty("unknown");
  },
);
