import { expect, test } from "vitest";
import { consulKeys } from "../../contract/topology.ts";
import { markOf } from "../fence/ruleset.ts";
import { absentLock } from "../lease/lock-record.ts";
import { settings } from "../role/testing.ts";
import type { Lease } from "../role/types.ts";
import type { Partners } from "./executor.ts";
import { NeardHost } from "./neard-host.ts";

const saved: Lease = {
  session: "session-b",
  epoch: 5,
  deadlineMs: 4000,
  lastSentMs: 900,
  seq: 7,
  sessionRenewedMs: 900,
  fedMs: 900,
  fedUntilMs: 4000,
};

/** An agent that starts at 1000 ms on a host with this lease file, this mark in the kernel, and this key file. */
async function phaseFound(lease: Lease | null, mark: number | null, keyFile: boolean): Promise<string> {
  return (await hostFound(lease, mark, keyFile)).state.phase.name;
}

async function hostFound(lease: Lease | null, mark: number | null, keyFile: boolean, asked: string[] = []) {
  // What is asked for is never done: only the first decision is looked at.
  const never = () => new Promise<never>(() => {});
  const partners = {
    config: { host: settings.host, account: "validator.localnet", lease: settings.lease },
    keys: consulKeys("localnet", "validator.localnet"),
    // Time stands still: a step that is to be repeated later is not repeated here.
    clock: { bootMs: () => 1000, wallMs: () => 0, sleep: () => new Promise<void>(() => {}) },
    servers: { use: never },
    fence: {
      armedMark: async () => mark,
      shut: async () => void asked.push("shut"),
      disarm: async () => void asked.push("disarm"),
      feed: async (epoch: number, untilMs: number) => void asked.push(`feed ${epoch} ${untilMs}`),
    },
    neard: { process: () => null },
    custody: { filePresent: () => keyFile },
    leaseFile: { load: () => (lease === null ? null : { lease, term: null }), save: () => {}, forget: () => {} },
    doubtFile: { load: () => false },
    whenUnseen: () => {},
    log: { info: () => {}, warn: () => {}, error: () => {} },
  };
  return await NeardHost.begin(partners as unknown as Partners, settings);
}

test("goes on with a lease that lives, when the kernel is armed for its epoch", async () => {
  expect(await phaseFound(saved, markOf(5), true)).toBe("taking");
});

test.for([
  ["the kernel is armed for another epoch", saved, markOf(4), true],
  ["the kernel is not armed", saved, null, true],
  ["the lease is over", { ...saved, deadlineMs: 1000 }, markOf(5), true],
  ["the kernel is armed and there is no lease", null, markOf(5), false],
  ["there is a key file and no lease", null, null, true],
] as const)("demotes first when %s", async ([, lease, mark, keyFile]) => {
  expect(await phaseFound(lease, mark, keyFile)).toBe("demoting");
});

test("is a standby on a host where nothing is found", async () => {
  expect(await phaseFound(null, null, false)).toBe("standby");
});

/** What is asked of the fence when its table is gone, besides what the core has asked already. */
async function askedWhenGone(lease: Lease | null, mark: number | null, keyFile: boolean): Promise<string[]> {
  const asked: string[] = [];
  const host = await hostFound(lease, mark, keyFile, asked);
  asked.length = 0;
  await host.fenceIsGone();
  return asked;
}

test("a flushed fence comes back as it was: open no longer than the lease, shut, or nobody's", async () => {
  expect(await askedWhenGone(saved, markOf(5), true)).toEqual(["feed 5 4000"]);
  expect(await askedWhenGone(saved, markOf(4), true)).toEqual(["shut"]);
  expect(await askedWhenGone(null, null, false)).toEqual(["disarm"]);
});

test("a fence that was seen gone while it is being disarmed stays disarmed: a shut behind that would never open again", async () => {
  const asked: string[] = [];
  const host = await hostFound(null, null, true, asked);
  const step = () => (host.state.phase.name === "demoting" ? host.state.phase.step : host.state.phase.name);
  for (let turn = 0; turn < 50 && step() !== "disarming"; turn++)
    host.dispatch({ is: "done", serial: host.state.serial });
  expect(step()).toBe("disarming");
  asked.length = 0;
  await host.fenceIsGone();
  expect(asked).toEqual(["disarm"]);
});

test("what was asked before counts as no new look", async () => {
  const host = await hostFound(null, null, false);
  const seen = { is: "observed", index: 1, lock: absentLock, paused: true, switchover: null, notes: {} } as const;
  host.dispatch({ ...seen, sentMs: 999 });
  expect(await host.lookAnew(0)).toBe(false);
  host.dispatch({ ...seen, sentMs: 1000 });
  expect(await host.lookAnew(0)).toBe(true);
});
