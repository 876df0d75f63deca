/** The contract as a host meets it: a chain and two neards as processes, signals, files, RPC. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { generateValidatorKey, keyFileJson } from "../../contract/near-key.ts";
import { buildLabNeard, labNeardMarker } from "./build.ts";
import { type Neard, Network, until } from "./test-network.ts";

// Processes start and die here, on machines that may be busy; the waits have bounds of their own.
vi.setConfig({ testTimeout: 30_000 });

let network: Network;
const report = () => network.chain.report();

beforeAll(async () => {
  network = await Network.open();
}, 30_000);
afterEach(() => network.clear());
afterAll(() => network.close());

describe("the key", () => {
  test("is live at start when its file is there, gives blocks, and goes by SIGHUP without the file", async () => {
    const a = await network.startSynced("127.0.0.1", { withKey: true });
    await network.signsFrom("host-a");
    await until("a block of ours", () => report().accepted > 0);
    a.takeKey();
    a.process.kill("SIGHUP");
    await until("no signer", async () => (await a.status())?.validator_public_key === null);
    const { height } = report().current ?? { height: 0 };
    await sleep(300);
    expect(report().current?.height).toBeLessThanOrEqual(height + 1);
    expect(a.log).toContain("no validator key");
    expect(report()).toMatchObject({ doubleSigned: [], overlapMs: 0, rejected: 0 });
  });

  test("comes by SIGHUP within a second", async () => {
    const a = await network.startSynced("127.0.0.1");
    expect((await a.status())?.validator_public_key).toBeNull();
    a.giveKey();
    a.process.kill("SIGHUP");
    await until("a signer", async () => (await a.status())?.validator_public_key != null, 1000);
    await network.signsFrom("host-a");
    expect(a.log).toContain("hot loading validator key");
    expect(await a.metric("near_config_reloads_total")).toBe(2);
  });

  test("stays when the reload is rejected: the node goes on signing", async () => {
    const a = await network.startSynced("127.0.0.1", { withKey: true });
    await network.signsFrom("host-a");
    a.takeKey();
    writeFileSync(join(a.home, "log_config.json"), "{");
    a.process.kill("SIGHUP");
    await until("a rejection", async () => (await a.metric("near_config_correct")) === 0);
    const before = report().current?.height ?? 0;
    await until("it signs on", () => (report().current?.height ?? 0) > before + 5);
    expect(await a.metric("near_config_reloads_total")).toBe(1);
    expect((await a.status())?.validator_public_key).not.toBeNull();
    expect(a.log).toContain("configs are not valid");
  });

  test("on two hosts is seen: heights signed twice, and for how long", async () => {
    await network.startSynced("127.0.0.1", { withKey: true });
    await network.signsFrom("host-a");
    await network.startSynced("127.0.0.2", { withKey: true });
    await network.signsFrom("host-b");
    const { doubleSigned, overlapMs, byHost } = report();
    expect(doubleSigned.length).toBeGreaterThan(2);
    expect(doubleSigned[0]?.hosts.toSorted()).toEqual(["host-a", "host-b"]);
    expect(overlapMs).toBeGreaterThan(100);
    expect(Object.keys(byHost).toSorted()).toEqual(["host-a", "host-b"]);
  });

  test("moves without overlap when it is taken away first", async () => {
    const a = await network.startSynced("127.0.0.1", { withKey: true });
    const b = await network.startSynced("127.0.0.2");
    await network.signsFrom("host-a");
    a.takeKey();
    a.process.kill("SIGHUP");
    await until("no signer", async () => (await a.status())?.validator_public_key === null);
    b.giveKey();
    b.process.kill("SIGHUP");
    await network.signsFrom("host-b");
    expect(report()).toMatchObject({ doubleSigned: [], overlapMs: 0, current: { host: "host-b" } });
  });
});

describe("ways to die", () => {
  test("SIGHUP before RPC is up", async () => {
    const a = await network.start("127.0.0.1", { lab: { startDelayMs: 30_000 } });
    await until("it has begun", () => a.log.includes("version="));
    a.process.kill("SIGHUP");
    expect(await a.exited).toEqual([null, "SIGHUP"]);
  });

  test("the abort over AllShards, at start and by SIGHUP", async () => {
    const allShards = { config: { tracked_shards_config: "AllShards" }, lab: { panicOnAllShards: true } };
    const withKey = await network.start("127.0.0.1", { ...allShards, withKey: true });
    expect(await withKey.exited).toEqual([null, "SIGABRT"]);
    const standby = await network.startSynced("127.0.0.2", allShards);
    standby.giveKey();
    standby.process.kill("SIGHUP");
    expect(await standby.exited).toEqual([null, "SIGABRT"]);
  });

  test("a broken configuration aborts at start", async () => {
    const a = await network.start("127.0.0.1", { config: { tracked_shards: [0] } });
    expect(await a.exited).toEqual([null, "SIGABRT"]);
    expect(a.log).toContain("cannot be both set");
  });

  test("SIGTERM is graceful, unless told otherwise", async () => {
    const a = await network.startSynced("127.0.0.1");
    a.process.kill("SIGTERM");
    expect(await a.exited).toEqual([0, null]);
    const b = await network.startSynced("127.0.0.2", { lab: { ignoreSigterm: true } });
    b.process.kill("SIGTERM");
    await sleep(300);
    expect((await b.status())?.sync_info.syncing).toBe(false);
  });

  test("too few open files, an older protocol, and expected_shutdown", async () => {
    const few = await network.start("127.0.0.1", { lab: { requireNofile: 100_000_000 } });
    expect(await few.exited).toEqual([1, null]);
    const old = await network.start("127.0.0.1", { lab: { protocolVersion: 80 } });
    expect(await old.exited).toEqual([0, null]);
    expect(old.log).toContain("this neard speaks 80");
    const planned = await network.start("127.0.0.1", { config: { expected_shutdown: 1 } });
    expect(await planned.exited).toEqual([0, null]);
    expect(planned.log).toContain("expected_shutdown 1 is reached");
    await network.startSynced("127.0.0.1").then(({ process }) => process.kill("SIGKILL"));
    const again = await network.start("127.0.0.1", { config: { expected_shutdown: 1 } });
    expect(await again.exited, "a left-over one ends each start").toEqual([0, null]);
  });

  test("re-execution keeps the PID, and a key on disk is live again", async () => {
    const a = await network.startSynced("127.0.0.1");
    a.giveKey();
    a.setOptions({ reexec: 1 });
    await until("the new program has the key", async () => (await a.status())?.validator_public_key != null);
    expect(a.log.match(/version=/g)).toHaveLength(2);
    expect(a.process.exitCode).toBeNull();
  });

  test("a SIGHUP after re-execution, before RPC is back, ends the process that had answered", async () => {
    const a = await network.startSynced("127.0.0.1");
    a.setOptions({ reexec: 1 });
    await until("it re-executes", () => a.log.match(/version=/g)?.length === 2);
    expect(await a.status()).toBeUndefined();
    a.process.kill("SIGHUP");
    expect(await a.exited).toEqual([null, "SIGHUP"]);
  });

  test("a SIGTERM while the files are read is lost, and so is a second SIGHUP", async () => {
    const a = await network.startSynced("127.0.0.1", { lab: { reloadReadMs: 1500 } });
    a.giveKey();
    a.process.kill("SIGHUP");
    await sleep(200);
    a.process.kill("SIGTERM");
    a.process.kill("SIGHUP");
    await until("the key is there", async () => (await a.status())?.validator_public_key != null);
    await sleep(1700);
    expect(await a.metric("near_config_reloads_total")).toBe(2);
    a.process.kill("SIGTERM");
    expect(await a.exited).toEqual([0, null]);
  });
});

describe("levers", () => {
  test("a hang answers nothing, signs nothing and does not stop; a stall answers with an old head", async () => {
    const a = await network.startSynced("127.0.0.1", { withKey: true });
    await network.signsFrom("host-a");
    a.setOptions({ stall: true });
    const height = async () => (await a.status())?.sync_info.latest_block_height;
    await until("it signs no more", () => (report().current?.silentMs ?? 0) > 200);
    const before = await height();
    await sleep(200);
    expect(before).toBeDefined();
    expect(await height()).toBe(before);
    a.setOptions({ hang: true });
    await until("no answer", async () => (await a.status()) === undefined);
    a.process.kill("SIGTERM");
    await sleep(200);
    expect(a.process.exitCode).toBeNull();
    a.setOptions();
    await until("it answers again", async () => (await a.status()) !== undefined);
  });
});

test("a neard of another chain is turned away and stays out of sync", async () => {
  const other = await network.start("127.0.0.1", {}, (home) => {
    const path = join(home, "genesis.json");
    writeFileSync(path, readFileSync(path, "utf8").replace(/"epoch_length": \d+/, '"epoch_length": 7'));
  });
  await until("it is refused", () => other.log.includes("the peer refused us: its genesis is"));
  expect(report().rejected).toBeGreaterThan(0);
  expect((await other.status())?.sync_info.syncing).toBe(true);
});

describe("who is heard", () => {
  const accepted = () => report().accepted;
  const unload = async (neard: Neard) => {
    neard.takeKey();
    neard.process.kill("SIGHUP");
    await until("no signer", async () => (await neard.status())?.validator_public_key === null);
  };
  const load = async (neard: Neard, host: string) => {
    neard.giveKey();
    neard.process.kill("SIGHUP");
    await network.signsFrom(host);
  };
  /** So many blocks of ours are produced; how many of them are in the chain. */
  const acceptedOf = async (blocks: number) => {
    network.chain.reset();
    await until(`${blocks} blocks of ours`, () => report().produced >= blocks);
    return accepted();
  };

  test("a holder, over its tier-1 connections; after a kill its successor at once", async () => {
    const a = await network.startSynced("127.0.0.1", { withKey: true });
    await network.tier1At(a);
    expect(await acceptedOf(5)).toBeGreaterThanOrEqual(2);
    const b = await network.startSynced("127.0.0.2");
    network.chain.reset();
    await network.signsFrom("host-a");
    a.process.kill("SIGKILL");
    await a.exited;
    await load(b, "host-b");
    await until("a block of b", () => (report().takeovers.at(-1)?.firstAcceptedSeconds ?? null) !== null);
    expect(report().takeovers).toMatchObject([{ from: "host-a", to: "host-b" }]);
    await network.tier1At(b);
    expect(report().alreadyConnected).toBe(0);
  });

  test("nobody, as long as a process lives whose key was unloaded; its end frees the route", async () => {
    const a = await network.startSynced("127.0.0.1", { withKey: true });
    await network.tier1At(a);
    const b = await network.startSynced("127.0.0.2");
    await unload(a);
    await load(b, "host-b");
    expect(await acceptedOf(5)).toBe(0);
    // Which heights are relayed is a draw, and b dials at its own ticks.
    await until("some endorsements count and some do not, and b's connections are refused", () => {
      const { endorsed, missedEndorsements, alreadyConnected } = report();
      return endorsed > 0 && missedEndorsements > 0 && alreadyConnected > 0;
    });
    expect(accepted()).toBe(0);
    a.process.kill("SIGKILL");
    await a.exited;
    expect(await acceptedOf(5)).toBeGreaterThanOrEqual(2);
  });

  test("nor without tier-1 connections: the unloaded process steals the route", async () => {
    const a = await network.startSynced("127.0.0.1", { withKey: true, tier1: false });
    const b = await network.startSynced("127.0.0.2", { tier1: false });
    expect(await acceptedOf(5)).toBeGreaterThanOrEqual(2);
    await unload(a);
    await load(b, "host-b");
    expect(await acceptedOf(5)).toBe(0);
    expect(network.chain.health().tier1).toEqual([]);
    a.process.kill("SIGKILL");
    await a.exited;
    // b's next tick, at most 10 s away, signs its account data again.
    await until("b is heard", () => accepted() > 0, 14_000);
  });

  test("a process that stands still keeps its connections, as its kernel does", async () => {
    const a = await network.startSynced("127.0.0.1", { withKey: true });
    await network.tier1At(a);
    a.process.kill("SIGSTOP");
    const b = await network.startSynced("127.0.0.2");
    await load(b, "host-b");
    expect(await acceptedOf(3)).toBe(0);
    a.process.kill("SIGKILL");
    await a.exited;
    expect(await acceptedOf(5)).toBeGreaterThanOrEqual(2);
  });
});

describe("a key that is not the chain's", () => {
  test("ends neard by SIGABRT a moment after the load", async () => {
    const a = await network.startSynced("127.0.0.1");
    writeFileSync(join(a.home, "validator_key.json"), keyFileJson(generateValidatorKey("validator.localnet")));
    const loadedAt = performance.now();
    a.process.kill("SIGHUP");
    expect(await a.exited).toEqual([null, "SIGABRT"]);
    expect(performance.now() - loadedAt).toBeGreaterThan(900);
    expect(a.log).toContain("the key of the current epoch is");
  });

  test("of an account that does not validate does nothing", async () => {
    const a = await network.startSynced("127.0.0.1");
    writeFileSync(join(a.home, "validator_key.json"), keyFileJson(generateValidatorKey("pool.localnet")));
    a.process.kill("SIGHUP");
    await until("it has it", async () => (await a.status())?.validator_public_key != null);
    await sleep(1500);
    expect((await a.status())?.validator_public_key).not.toBeNull();
    expect(a.log).toContain("is not a validator");
  });
});

test("the version has two lines", () => {
  const { stdout } = spawnSync(process.execPath, [network.program, "--version"], { encoding: "utf8" });
  expect(stdout).toMatch(/^neard \(release lab-.*\)\nfeatures: \[.*\]\n$/);
});

test("the program carries its marker, and the same sources give the same bytes", async () => {
  const again = join(network.directory, "again");
  await buildLabNeard(again);
  const bytes = readFileSync(again);
  expect(bytes.equals(readFileSync(network.program))).toBe(true);
  expect(bytes.subarray(0, 4096).toString()).toContain(labNeardMarker);
  expect(bytes.toString().startsWith("#!/opt/holdfast/bin/node\n")).toBe(true);
});

// The last one: it leaves the chain with another key than the one that the others load.
test("when another key of the account counts, the old one ends its holder, and the new one signs on", async () => {
  const next = generateValidatorKey("validator.localnet");
  const write = (neard: Neard) => writeFileSync(join(neard.home, "validator_key.json"), keyFileJson(next));
  const a = await network.startSynced("127.0.0.1", { withKey: true });
  const b = await network.startSynced("127.0.0.2");
  await network.signsFrom("host-a");
  network.chain.setValidatorKey(next.publicKey);
  const keys = async () => {
    const { result } = await b.call("validators", [null]);
    const of = (list: { account_id: string; public_key: string }[]) =>
      list.find((one) => one.account_id === "validator.localnet")?.public_key;
    return { current: of(result.current_validators), next: of(result.next_validators) };
  };
  await until("it is named for the next epoch", async () => (await keys()).next === next.publicKey);
  expect((await keys()).current).not.toBe(next.publicKey);
  expect(await a.exited).toEqual([null, "SIGABRT"]);
  expect(a.log).toContain("the key of the current epoch is");
  write(b);
  b.process.kill("SIGHUP");
  await network.signsFrom("host-b");
  const before = report().accepted;
  await until("it is heard", () => report().accepted > before + 1);
  expect(report().byKey[next.publicKey]?.signatures).toBeGreaterThan(0);
});
