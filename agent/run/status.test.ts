import { describe, expect, test } from "vitest";
import type { AgentConfig } from "../../contract/wire/agent-config.ts";
import type { LockView } from "../lease/lock-record.ts";
import { activeCore, Core, heldByA, nothingFound, settings } from "../role/testing.ts";
import { health } from "./http.ts";
import { type Around, statusOf } from "./status.ts";

const ours: LockView = {
  modifyIndex: 80,
  lockIndex: 5,
  session: "session-b",
  value: { host: "host-b", seq: 1 },
  seal: "right",
};
const config = {
  network: "localnet",
  account: "validator.localnet",
  host: "host-b",
  roles: ["neard", "consul"],
  neard: { publicKey: settings.publicKey, takeoverAddresses: [] },
} as unknown as AgentConfig;

function around(core: Core): Around {
  return {
    version: "0",
    nowMs: core.nowMs,
    wallMs: core.nowMs,
    startedMs: 0,
    fence: { armed: true, open: true },
    consul: { reachable: true, leader: "host-c", isLeader: false, voter: true, healthy: true },
    neardRestarts: 0,
    power: [],
  };
}

const statusIn = (core: Core) => statusOf(config, settings, core.state, around(core));

const answers = (core: Core) =>
  Object.fromEntries(Object.entries(health).map(([path, isSo]) => [path, isSo(statusIn(core))]));

const yesOfActive = { "/active": true, "/standby": false, "/healthy": true, "/ready": true };

test("a switchover that waits for its window changes no health endpoint: the host signs", () => {
  const core = activeCore();
  expect(answers(core)).toEqual(yesOfActive);
  const { since } = statusIn(core);
  const note = (ack: string | null) => ({
    "host-a": {
      ready: true,
      because: "ready",
      ack,
      isActive: false,
      asks: null,
      cleared: null,
      acksInS: 0,
      fencing: null,
      modifyIndex: 70,
    },
  });
  core.see(ours, { notes: note(null) });
  core.tell({ is: "switchover-asked", job: { id: "s1", to: "host-a", window: true, startedMs: core.nowMs } });
  expect(answers(core)).toEqual(yesOfActive);
  core.see(ours, { notes: note("s1") });
  expect(answers(core)).toEqual(yesOfActive);
  expect(statusIn(core)).toMatchObject({
    role: "active",
    because: "switchover to host-a: waits for a maintenance window",
    switchover: { id: "s1", to: "host-a" },
    since,
  });

  core.tell({ is: "window-found", serial: core.state.serial, opensMs: core.nowMs }).after(100).tell({ is: "tick" });
  expect(statusIn(core)).toMatchObject({ role: "handing", switchover: { id: "s1" } });
  expect(answers(core)).toMatchObject({ "/active": false, "/ready": false });
});

test("what to expect after a power loss is said while it is not heard, unless the address can be moved", () => {
  const core = activeCore();
  const duties = (produced: number, expected: number) => ({
    blocks: { produced, expected },
    chunks: { produced: 0, expected: 0 },
    endorsements: { produced: 0, expected: 0 },
  });
  const sees = (expected: number) =>
    core.after(1000).tell({
      is: "account-seen",
      sight: {
        atMs: core.nowMs,
        nearEpoch: 7,
        standing: "validating",
        produced: 0,
        expected,
        duties: duties(0, expected),
        key: settings.publicKey,
        nextKey: settings.publicKey,
        nextStartHeight: null,
      },
    });
  sees(0);
  sees(8);
  const { heard } = core.state;
  expect(heard?.entry?.story.silent).toBe("host-a");
  const said = (takeoverAddresses: unknown[]) => {
    const neard = { publicKey: settings.publicKey, takeoverAddresses };
    return statusOf({ ...config, neard } as unknown as AgentConfig, settings, core.state, around(core)).heard;
  };
  expect(said([])).toMatchObject({ state: "not-heard", because: expect.stringContaining("others notice about 145 s") });
  expect(said([{ host: "host-a" }])).toMatchObject({
    state: "not-heard",
    because: expect.not.stringContaining("145 s"),
  });
});

test("somebody who tampers with the lock is told with what was seen last, and since when", () => {
  const core = activeCore().see(ours);
  expect(statusIn(core).lock).toMatchObject({ seal: "right", tampering: null });
  core.after(200).see({ ...ours, modifyIndex: 81, value: null, seal: "wrong" });
  core.after(3000);
  expect(statusIn(core).lock).toMatchObject({ seal: "wrong", tampering: { count: 1, lastAgoMs: 3000 } });
});

describe("which host is active, as a host sees it", () => {
  const note = (isActive: boolean) => ({
    "host-a": {
      ready: false,
      because: isActive ? "is active" : "is taking",
      ack: null,
      isActive,
      asks: null,
      cleared: null,
      acksInS: 0,
      fencing: null,
      modifyIndex: 70,
    },
  });
  const seen = (lock: LockView, isActive: boolean) =>
    statusIn(new Core().probe().see(lock, { notes: note(isActive) })).active;

  test("itself, once its neard has the key", () => {
    expect(statusIn(activeCore()).active).toBe("host-b");
  });

  test("the holder once it says so, not one that has only the lock", () => {
    expect(seen(heldByA(50), false)).toBeNull();
    expect(seen(heldByA(50), true)).toBe("host-a");
  });

  test("nobody where the lock is free, whatever was said before", () => {
    expect(seen({ ...heldByA(50), session: null }, true)).toBeNull();
  });
});

test("a doubt is told: for how long this host stands ready for no switchover, and that it could not be written down", () => {
  const core = new Core({ ...nothingFound, isDoubted: true }).tell({ is: "tick" });
  core.tell({ is: "doubt-noted", isDoubted: true, fault: "no space left on device" }).live(2000, heldByA(50));
  const { overMs } = core.state.watch;
  expect(statusIn(core).lock).toMatchObject({
    doubted: true,
    acksInMs: overMs - core.nowMs,
    doubtFault: "no space left on device",
  });
});
