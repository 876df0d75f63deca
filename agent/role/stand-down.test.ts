import { describe, expect, test } from "vitest";
import { longestHeardMs, waitMs } from "../../contract/timing.ts";
import type { LockView } from "../lease/lock-record.ts";
import { notReady } from "./readiness.ts";
import { activeCore, Core, heldByA, markerOfA, settings } from "./testing.ts";
import type { Event } from "./types.ts";

const { takeoverMs } = settings.lease;
const order = (core: Core, ms = 60_000, id = "restore-1"): Event => ({
  is: "stand-down",
  order: { id, untilMs: core.nowMs + ms, because: "a snapshot is restored" },
});
const ready = () => new Core().tell({ is: "key-checked", available: true });
const sessions = (core: Core) => core.asked("create-session").length;

describe("a holder that is told to stand down", () => {
  test("goes the one way out of power: shut, kill, erase, release, disarm, start", () => {
    const core = activeCore();
    core.tell(order(core));
    expect(core.state.phase.name).toBe("demoting");
    expect(core.state.because).toContain("stands down");
    const steps: string[] = [];
    for (let i = 0; i < 6; i++) {
      steps.push(...core.effects.map((effect) => effect.do));
      core.effects = [];
      core.done();
    }
    expect(steps).toEqual(["shut", "kill-neard", "erase-key", "release", "disarm", "start-neard"]);
    expect(core.state.phase.name).toBe("standby");
  });

  test("in the middle of taking over, too", () => {
    const core = ready().live(takeoverMs + 600, heldByA(50));
    core.tell({ is: "session-created", serial: core.state.serial, session: "session-b" });
    core.tell({ is: "took-over", serial: core.state.serial, sentMs: core.nowMs, lockIndex: 5 });
    expect(core.state.phase.name).toBe("taking");
    core.tell(order(core));
    expect(core.state.phase.name).toBe("demoting");
  });

  test("fails a switchover that is under way", () => {
    const core = activeCore();
    core.tell({
      is: "switchover-asked",
      job: { id: "s", to: "host-a", window: false, startedMs: core.nowMs },
    });
    core.tell(order(core));
    expect(core.state.phase.name).toBe("demoting");
    expect(core.state.lastSwitchover).toMatchObject({ id: "s", state: "failed" });
  });
});

describe("a standby that stands down", () => {
  test("takes nothing over, whatever the lock says, and says why", () => {
    const core = ready();
    core.tell(order(core)).live(50_000, heldByA(50));
    expect(sessions(core)).toBe(0);
    expect(core.state.because).toContain("stands down");
    expect(notReady(settings, core.state, core.nowMs)).toContain("a snapshot is restored");
  });

  test("not even with a marker that names it", () => {
    const core = ready().live(1000, heldByA(50));
    core.tell(order(core));
    core.live(5000, {
      modifyIndex: 60,
      lockIndex: 4,
      session: null,
      value: { host: "host-a", seq: 1, released: markerOfA },
      seal: "right",
    });
    expect(sessions(core)).toBe(0);
  });

  test("drops a try that is under way, and its late success counts for nothing", () => {
    const core = ready().live(takeoverMs + 600, heldByA(50));
    core.tell({ is: "session-created", serial: core.state.serial, session: "session-b" });
    const { serial } = core.state;
    core.asked("take-over");
    core.tell(order(core));
    expect(core.asked("destroy-session")).toEqual([{ do: "destroy-session", session: "session-b" }]);
    core.tell({ is: "took-over", serial, sentMs: core.nowMs, lockIndex: 5 });
    expect(core.state.phase.name).toBe("standby");
  });
});

describe("standing up again", () => {
  test("begins the wait anew, though the lock stood still all the time", () => {
    const core = ready();
    core.tell(order(core)).live(30_000, heldByA(50)).tell({ is: "stand-up", id: "restore-1" });
    expect(core.state.standDown).toBeNull();
    expect(sessions(core.live(takeoverMs - 600, heldByA(50)))).toBe(0);
    expect(sessions(core.live(1200, heldByA(50)))).toBe(1);
  });

  test("does not trust a marker that it finds: it may be a restored one", () => {
    const core = ready();
    const lock: LockView = {
      modifyIndex: 60,
      lockIndex: 4,
      session: null,
      value: { host: "host-a", seq: 1, released: markerOfA },
      seal: "right",
    };
    core.tell(order(core)).live(5000, lock).tell({ is: "stand-up", id: "restore-1" });
    expect(sessions(core.live(takeoverMs - 600, lock))).toBe(0);
  });

  test("happens by itself when the time is over, with the same wait", () => {
    const core = ready();
    core.tell(order(core, 10_000)).live(9500, heldByA(50));
    expect(core.state.standDown).not.toBeNull();
    expect(sessions(core.live(takeoverMs, heldByA(50)))).toBe(0);
    expect(core.state.standDown).toBeNull();
    expect(sessions(core.live(1500, heldByA(50)))).toBe(1);
  });

  test("does not shorten the wait that a doubt began before it: whoever that concealed may be heard for the longest", () => {
    const core = ready().live(1000, heldByA(50));
    core.live(1000, { ...heldByA(51), seal: "wrong" });
    const doubtedMs = core.nowMs;
    core.tell(order(core)).live(2000, heldByA(52)).tell({ is: "stand-up", id: "restore-1" });
    const longestMs = waitMs(settings.lease, longestHeardMs);
    expect(sessions(core.live(doubtedMs + longestMs - 1500 - core.nowMs, heldByA(53)))).toBe(0);
    expect(sessions(core.live(2000, heldByA(53)))).toBeGreaterThan(0);
  });

  test("an order for another id does not end it, and a second order does not shorten it", () => {
    const core = ready();
    core.tell(order(core, 60_000)).tell({ is: "stand-up", id: "another" });
    expect(core.state.standDown?.id).toBe("restore-1");
    core.tell(order(core, 1000, "restore-2")).live(30_000, heldByA(50));
    expect(core.state.standDown?.id).toBe("restore-2");
    expect(sessions(core)).toBe(0);
  });
});
