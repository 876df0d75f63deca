/** The chain from outside: what neards may send it, and what its control socket answers. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { generateValidatorKey, parseValidatorKey } from "../../contract/near-key.ts";
import { reportSchema } from "./report.ts";
import { type RunningChain, startChain } from "./server.ts";
import { type FromChain, lineReader, signingKey, signText, tier1Text } from "./wire.ts";

let directory: string;
let chain: RunningChain;
let sockets: Socket[] = [];

const times = { linkAliveMs: 400, writeTimeoutMs: 60_000 };
const options = () => ({
  directory,
  address: "127.0.0.1",
  port: 0,
  control: join(directory, "sock"),
  slotMs: 20,
  times,
});

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
    request({ socketPath: join(directory, "sock"), method, path, agent: false }, (response) => {
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

  test("is one per node key: a second one is refused while the first is heard", async () => {
    const [a, b] = [dial("127.0.0.1"), dial("127.0.0.2")];
    a.send(hello("ed25519:same"));
    await until(() => a.heard.length > 0);
    const words = setInterval(() => a.send({ type: "gossip", height: 1 }), 50);
    await sleep(2 * times.linkAliveMs);
    b.send(hello("ed25519:same"));
    await until(() => b.ended);
    clearInterval(words);
    expect(b.heard).toMatchObject([
      { type: "refused", because: expect.stringContaining("is connected already, from 127.0.0.1") },
    ]);
    expect(a.ended).toBe(false);
  });

  test("gives way to a newer one when it has been silent, and is still read: late signatures are seen", async () => {
    await until(() => chain.report().slots > 0);
    const old = dial();
    old.send(hello("ed25519:a"));
    await until(() => old.heard.length > 0);
    const early = dial();
    early.send(hello("ed25519:a"));
    await until(() => early.ended);
    await sleep(times.linkAliveMs);
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

  test("that was ended, or reset, is free at once", async () => {
    for (const end of ["end", "resetAndDestroy"] as const) {
      const old = dial();
      old.send(hello("ed25519:a"));
      await until(() => old.heard.length > 0);
      old.socket[end]();
      await until(() => chain.health().links.length === 0);
      const fresh = dial();
      fresh.send(hello("ed25519:a"));
      await until(() => fresh.heard.some(({ type }) => type === "slot"));
      fresh.socket.destroy();
      await until(() => chain.health().links.length === 0);
    }
  });
});

describe("a tier-1 connection", () => {
  const key = () => parseValidatorKey(readFileSync(join(directory, "validator_key.json"), "utf8"));
  const peer = "node1.localnet";
  const handshake = (nodeKey: string) => {
    const { accountId: account, publicKey, secretKey } = key();
    const said = { genesisHash: chain.chain.hash, peer, account, publicKey, nodeKey };
    return { type: "tier1", ...said, signature: signText(signingKey(secretKey), tier1Text(said)) };
  };
  const wordsFrom = (client: Client, from: string) =>
    client.heard.filter((message) => message.type === "forAccount" && message.from === from).length;

  test("is kept and preferred, however new the account data; a second one is refused and counted", async () => {
    const old = dial();
    old.send(handshake("ed25519:a"));
    await until(() => wordsFrom(old, peer) > 2);
    const link = dial("127.0.0.2");
    link.send(hello("ed25519:b"));
    const { accountId: account, publicKey } = key();
    link.send({ type: "advertise", account, publicKey, version: Date.now(), tenure: "t" });
    const second = dial("127.0.0.2");
    second.send(handshake("ed25519:b"));
    await until(() => second.ended);
    expect(second.heard).toMatchObject([
      { type: "refused", because: expect.stringContaining("AlreadyConnectedAccount") },
    ]);
    expect(chain.report().alreadyConnected).toBe(1);
    expect(chain.health()).toMatchObject({ nearAlreadyConnectedAccount: 1, tier1: [{ peer, nodeKey: "ed25519:a" }] });
    // The other validators have none, and go by the account data.
    await until(() => wordsFrom(link, "node2.localnet") > 2);
    expect(wordsFrom(link, peer)).toBe(0);
    old.socket.resetAndDestroy();
    await until(() => wordsFrom(link, peer) > 2);
    const third = dial("127.0.0.2");
    third.send(handshake("ed25519:b"));
    await until(() => wordsFrom(third, peer) > 2);
  });

  test("that is not signed with the account's key is turned away", async () => {
    await until(() => chain.report().slots > 0);
    const client = dial();
    client.send({ ...handshake("ed25519:a"), nodeKey: "ed25519:other" });
    await until(() => client.ended);
    expect(client.heard).toMatchObject([{ type: "refused", because: expect.stringContaining("is not signed by") }]);
    expect(chain.report().rejected).toBe(1);
  });
});

test("account data: the highest version counts, and all hear of it", async () => {
  const { account } = chain.chain.genesis;
  const { current: publicKey } = chain.chain.validatorKeys(0);
  const [a, b] = [dial("127.0.0.1"), dial("127.0.0.2")];
  a.send(hello("ed25519:a"));
  b.send(hello("ed25519:b"));
  const newest = (client: Client) => client.heard.findLast((message) => message.type === "accountData");
  a.send({ type: "advertise", account, publicKey, version: 7, tenure: "t" });
  await until(() => newest(b) !== undefined);
  b.send({ type: "advertise", account, publicKey, version: 6, tenure: null });
  b.send({ type: "advertise", account, publicKey: generateValidatorKey(account).publicKey, version: 9, tenure: "u" });
  b.send({ type: "advertise", account, publicKey, version: 8, tenure: null });
  await until(() => newest(a)?.version === 8);
  expect(newest(a)).toEqual({ type: "accountData", account, nodeKey: "ed25519:b", version: 8 });
  await until(() => a.heard.some((message) => message.type === "slot" && message.knownProducers.length > 0));
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

  test("changes our account's key for the NEAR epoch after next, and keeps that over a restart", async () => {
    const { publicKey } = generateValidatorKey("x.near");
    const { status, data } = await control("POST", "/validator-key", JSON.stringify({ publicKey }));
    expect(status).toBe(200);
    const from = Number(data.fromNearEpoch) * chain.chain.genesis.epoch_length;
    expect(Number(data.fromNearEpoch)).toBeGreaterThanOrEqual(2);
    await chain.close();
    chain = await startChain(options());
    expect(chain.chain.validatorKeys(from - 1)).toMatchObject({ next: publicKey });
    expect(chain.chain.validatorKeys(from)).toEqual({ current: publicKey, next: publicKey });
    expect((await control("POST", "/validator-key", '{"publicKey": "x"}')).status).toBe(400);
  });

  test("raises the protocol version, and refuses what is no number", async () => {
    expect((await control("POST", "/protocol", '{"version": 90}')).status).toBe(200);
    expect((await control("GET", "/health")).data).toMatchObject({ protocolVersion: 90 });
    expect((await control("POST", "/protocol", '{"version": "x"}')).status).toBe(400);
    expect((await control("GET", "/report?since=x")).status).toBe(400);
    expect((await control("GET", "/nothing")).status).toBe(404);
  });
});
