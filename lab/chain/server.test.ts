/** The chain from outside: what neards may send it, and what its control socket answers. */
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { reportSchema } from "./report.ts";
import { type RunningChain, startChain } from "./server.ts";
import { type FromChain, lineReader } from "./wire.ts";

let directory: string;
let chain: RunningChain;
let sockets: Socket[] = [];

const options = () => ({ directory, address: "127.0.0.1", port: 0, control: join(directory, "sock"), slotMs: 20 });

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "chain-server-"));
  chain = await startChain(options());
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await chain.close();
  rmSync(directory, { recursive: true });
});

interface Client {
  readonly socket: Socket;
  readonly heard: FromChain[];
  send(message: object): void;
  ended: boolean;
}

function dial(localAddress = "127.0.0.1"): Client {
  const socket = connect({ host: "127.0.0.1", port: chain.port, localAddress, allowHalfOpen: true });
  sockets.push(socket);
  const client: Client = {
    socket,
    heard: [],
    send: (message) => socket.write(`${JSON.stringify(message)}\n`),
    ended: false,
  };
  socket.on(
    "data",
    lineReader((line) => client.heard.push(JSON.parse(line))),
  );
  socket.on("end", () => {
    client.ended = true;
  });
  socket.on("error", () => {});
  return client;
}

const hello = (nodeKey: string) => ({
  type: "hello",
  chainId: "localnet",
  genesisHash: chain.chain.hash,
  nodeKey,
  version: "lab",
  protocolVersion: 84,
  networkAddr: "0.0.0.0:24567",
});

const control = (method: string, path: string, body = ""): Promise<{ status: number; data: Record<string, unknown> }> =>
  new Promise((resolve, reject) => {
    request({ socketPath: join(directory, "sock"), method, path }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, data: JSON.parse(text) }));
    })
      .on("error", reject)
      .end(body);
  });

async function until(check: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!check()) {
    if (performance.now() > deadline) throw new Error(`not within 5 s: ${check}`);
    await sleep(10);
  }
}

describe("a link", () => {
  test("begins with a welcome, then brings every height once, in order", async () => {
    const client = dial();
    client.send(hello("ed25519:a"));
    await until(() => client.heard.length > 5);
    expect(client.heard[0]?.type).toBe("welcome");
    const heights = client.heard.flatMap((message) => (message.type === "slot" ? message.height : []));
    expect(heights).toEqual([...new Set(heights)].sort((a, b) => a - b));
  });

  test("with nonsense on it is refused and reported", async () => {
    await until(() => chain.report().slots > 0);
    const client = dial();
    client.socket.write("GET / HTTP/1.1\n");
    await until(() => client.heard.length > 0);
    expect(client.heard[0]).toMatchObject({ type: "refused" });
    expect(chain.report().rejected).toBe(1);
  });

  test("gives way to a newer one of the same node, and is still read: late signatures are seen", async () => {
    await until(() => chain.report().slots > 0);
    const old = dial();
    old.send(hello("ed25519:a"));
    await until(() => old.heard.length > 0);
    const fresh = dial();
    fresh.send(hello("ed25519:a"));
    await until(() => fresh.heard.length > 1 && old.ended);
    const { account, validators } = chain.chain.genesis;
    old.send({
      type: "signature",
      kind: "block",
      height: 1,
      prevHash: "x",
      account,
      publicKey: validators[0]?.public_key,
      signature: "forged",
      tenure: "t",
      sentMs: 0,
    });
    await until(() => chain.report().rejected === 1);
  });

  test("with a node key that another address uses ends both", async () => {
    const [a, b] = [dial("127.0.0.1"), dial("127.0.0.2")];
    a.send(hello("ed25519:same"));
    await until(() => a.heard.length > 0);
    b.send(hello("ed25519:same"));
    await until(() => a.ended && b.ended);
    expect(b.heard).toMatchObject([
      { type: "refused", because: expect.stringContaining("is in use at 127.0.0.1 and") },
    ]);
  });
});

test("a restart repeats no height", async () => {
  await until(() => (chain.chain.open ?? 0) > 5);
  const last = chain.chain.open ?? 0;
  await chain.close();
  chain = await startChain(options());
  await until(() => chain.chain.open !== undefined);
  expect(chain.chain.open).toBeGreaterThan(last);
});

describe("the control socket", () => {
  test("gives the report, and begins a new one", async () => {
    await until(() => chain.report().slots > 5);
    const before = await control("GET", "/report");
    expect(reportSchema.parse(before.data).slots).toBeGreaterThan(5);
    const { data } = await control("POST", "/reset");
    const after = reportSchema.parse((await control("GET", "/report")).data);
    expect(after.fromHeight).toBe(data.fromHeight);
    expect(after.slots).toBeLessThan(before.data.slots as number);
  });

  test("streams events as they come", async () => {
    const events: { seq: number; event: { type: string } }[] = [];
    const streaming = request({ socketPath: join(directory, "sock"), path: "/events?follow=1" }, (response) =>
      response.on(
        "data",
        lineReader((line) => events.push(JSON.parse(line))),
      ),
    ).end();
    await until(() => events.length >= 3);
    streaming.destroy();
    expect(events[0]).toMatchObject({ event: { type: "slot" } });
    expect((events[1]?.seq ?? 0) - (events[0]?.seq ?? 0)).toBe(1);
  });

  test("raises the protocol version, and refuses what is no number", async () => {
    expect((await control("POST", "/protocol", '{"version": 90}')).status).toBe(200);
    expect((await control("GET", "/health")).data).toMatchObject({ protocolVersion: 90 });
    expect((await control("POST", "/protocol", '{"version": "x"}')).status).toBe(400);
    expect((await control("GET", "/report?since=x")).status).toBe(400);
    expect((await control("GET", "/nothing")).status).toBe(404);
  });
});
