import { describe, expect, test } from "vitest";
import { activeCore, Core, heldByA, nothingFound, settings } from "./testing.ts";
import { note } from "./testing-fencing.ts";
import type { Lease } from "./types.ts";

const renewed = (core: Core, sentMs: number) =>
  core.tell({ is: "renewed", session: "session-b", sentMs, lockIndex: 5 });
const deadline = (core: Core): number => {
  if (!("lease" in core.state.phase)) throw new Error(`no lease: ${core.state.because}`);
  return core.state.phase.lease.deadlineMs;
};

describe("the lease", () => {
  test("counts from the sending, however late the answer comes", () => {
    const core = activeCore();
    const sentMs = core.nowMs;
    renewed(core.after(1900), sentMs);
    expect(deadline(core)).toBe(sentMs + settings.lease.leaseMs);
    expect(core.asked("feed").at(-1)?.untilMs).toBe(sentMs + settings.lease.leaseMs);
  });

  test("is told in each renewal, for a standby whose settings are others", () => {
    const core = activeCore();
    const { leaseMs, stopMs } = settings.lease;
    core.after(1000).tell({ is: "tick" });
    expect(core.asked("renew").map((renew) => renew.heardMs)).toEqual([leaseMs + stopMs]);
  });

  test("reaches the fence in full when renewals stall, although it is fed only once a second", () => {
    const core = activeCore().after(2000);
    renewed(core, core.nowMs - 5);
    renewed(core.after(500), core.nowMs - 5);
    expect(core.asked("feed")).toHaveLength(1);
    core.after(600).tell({ is: "tick" });
    expect(core.asked("feed").map((feed) => feed.untilMs)).toEqual([deadline(core)]);
  });

  test("is not shortened by an answer that was overtaken", () => {
    const core = activeCore();
    const sentMs = core.nowMs;
    renewed(renewed(core.after(600), sentMs + 500), sentMs);
    expect(deadline(core)).toBe(sentMs + 500 + settings.lease.leaseMs);
  });

  test("is renewed every renewMs although nothing answers, and ends at its deadline", () => {
    const core = activeCore();
    const leftMs = deadline(core) - core.nowMs;
    for (let ms = 0; ms < leftMs - 100; ms += 100) core.after(100).tell({ is: "tick" });
    expect(core.state.phase.name).toBe("active");
    expect(core.asked("renew").length).toBeGreaterThanOrEqual(11);
    core.after(200).tell({ is: "tick" });
    expect(core.state.phase.name).toBe("demoting");
    expect(core.effects[0]?.do === "shut" || core.effects.some((effect) => effect.do === "shut")).toBe(true);
  });

  test("is not revived by an answer after its deadline", () => {
    const core = activeCore();
    const sentMs = core.nowMs;
    renewed(core.after(20_000), sentMs);
    expect(core.state.phase.name).toBe("demoting");
    expect(core.asked("feed").every((feed) => feed.untilMs < core.nowMs)).toBe(true);
  });

  test("ends at once when Consul refuses, and nothing is released that is not ours", () => {
    const core = activeCore().tell({ is: "renew-refused", session: "session-b", because: "another session" });
    expect(core.state.phase).toMatchObject({ name: "demoting", release: null });
  });

  test("ends when the lock has another epoch", () => {
    const core = activeCore();
    core.tell({ is: "renewed", session: "session-b", sentMs: core.nowMs, lockIndex: 6 });
    expect(core.state.phase.name).toBe("demoting");
  });
});

describe("taking", () => {
  const taking = () => {
    const core = new Core().tell({ is: "key-checked", available: true }).live(7600, heldByA(50));
    core.tell({ is: "session-created", serial: core.state.serial, session: "session-b" });
    core.effects = [];
    return core.tell({ is: "took-over", serial: core.state.serial, sentMs: core.nowMs, lockIndex: 5 });
  };

  test("arms before it feeds, and feeds before the key is written", () => {
    const core = taking().done();
    const order = core.effects.map((effect) => effect.do).filter((name) => ["arm", "feed", "load-key"].includes(name));
    expect(order).toEqual(["arm", "feed", "load-key"]);
  });

  test("counts its first lease from the sending of the transaction, however late its answer comes", () => {
    const core = new Core().tell({ is: "key-checked", available: true }).live(7600, heldByA(50));
    core.tell({ is: "session-created", serial: core.state.serial, session: "session-b" });
    const sentMs = core.nowMs;
    core.after(1900).tell({ is: "took-over", serial: core.state.serial, sentMs, lockIndex: 5 });
    expect(deadline(core)).toBe(sentMs + settings.lease.leaseMs);
  });

  test("writes no key when the fence cannot be armed", () => {
    const core = taking().fail();
    expect(core.state.phase.name).toBe("demoting");
    expect(core.effects.some((effect) => effect.do === "load-key")).toBe(false);
  });

  test("asks a neard that lost the reload again, and gives the lock back if it never takes the key", () => {
    const core = taking().done().done();
    for (let ms = 0; ms < 12_000 && core.state.phase.name === "taking"; ms += 100) {
      core.after(100).probe().tell({ is: "tick" });
      renewed(core, core.nowMs - 5);
      if (core.state.phase.name === "taking" && core.state.phase.step === "loading") core.done();
    }
    expect(core.state.phase).toMatchObject({ name: "demoting", release: { session: "session-b" } });
    expect(core.asked("load-key")).toHaveLength(5);
  });
});

describe("active", () => {
  test.for([
    ["dies", { process: null, answered: false }],
    ["is another process", { process: "2:2", validatorKey: null }],
  ] as const)("gives way at once when neard %s", ([, change]) => {
    const core = activeCore().after(100).probe(change);
    expect(core.state.phase).toMatchObject({ name: "demoting", release: { session: "session-b", epoch: 5 } });
  });

  test("keeps a hung neard while nobody else could do better", () => {
    const core = activeCore();
    for (let ms = 0; ms < 30_000; ms += 500) renewed(core.after(500).probe({ answered: false }), core.nowMs - 5);
    expect(core.state.phase.name).toBe("active");
    expect(core.state.because).toContain("no other host is ready");
  });

  test("gives way for a hung neard once another host is ready", () => {
    const core = activeCore();
    const notes = {
      "host-a": note({ ready: true }),
    };
    for (let ms = 0; ms < 12_000 && core.state.phase.name === "active"; ms += 500) {
      core.after(500).see(heldByA(50), { notes });
      renewed(core, core.nowMs - 5).probe({ answered: false });
    }
    expect(core.state.because).toContain("host-a is ready");
  });
});

test("a pause leaves the holder as it is: renewed, fed, and never disarmed", () => {
  const core = activeCore();
  for (let ms = 0; ms < 5000; ms += 500) {
    core.after(500).see(heldByA(50), { paused: true }).probe({ validatorKey: settings.publicKey });
    renewed(core, core.nowMs - 5).tell({ is: "tick" });
  }
  expect(core.state.phase.name).toBe("active");
  const deeds = new Set(core.effects.map((effect) => effect.do));
  expect(deeds).toContain("feed");
  expect(deeds).toContain("renew");
  for (const deed of ["disarm", "shut", "kill-neard", "release", "unload-key"] as const)
    expect(deeds).not.toContain(deed);
});

describe("an agent that starts", () => {
  const saved = (nowMs: number): Lease => ({
    session: "session-b",
    epoch: 5,
    deadlineMs: nowMs + 3000,
    lastSentMs: nowMs - 3000,
    seq: 7,
    sessionRenewedMs: nowMs - 3000,
    fedMs: nowMs - 3000,
    fedUntilMs: nowMs + 3000,
  });

  test("goes on with a lease that lives, renews first, and never touches neard", () => {
    const core = new Core(
      { savedLease: saved(1000), savedTerm: null, armed: "for-lease", keyFilePresent: true, isDoubted: false },
      1000,
    );
    core.tell({ is: "tick" });
    expect(core.effects[0]?.do).toBe("renew");
    renewed(core, core.nowMs).probe({ validatorKey: settings.publicKey });
    expect(core.state.phase.name).toBe("active");
    expect(core.effects.map((effect) => effect.do)).not.toContain("kill-neard");
  });

  /** Became active 4 s before the agent was started again, after a take-over in a row that had ended with a dead neard. */
  const term = (nowMs: number, activeMs: number | null = nowMs - 4000) => ({
    story: {
      from: "host-a",
      kind: "failover",
      because: "b",
      startedMs: nowMs - 5000,
      lastSeenMs: nowMs - 9000,
    } as const,
    activeMs,
  });
  const again = (activeMs?: number | null) => {
    const { story, activeMs: since } = term(100_000, activeMs);
    const savedTerm = { story: { ...story, deaths: 1, silent: null, fenced: null }, activeMs: since };
    return new Core(
      { savedLease: saved(100_000), savedTerm, armed: "for-lease", keyFilePresent: true, isDoubted: false },
      100_000,
    );
  };

  test("is active since the take-over, not since its own start", () => {
    const core = again().after(50).probe({ validatorKey: settings.publicKey });
    expect(core.state).toMatchObject({ phase: { name: "active" }, sinceMs: 96_000 });
    expect(core.asked("write-history")).toEqual([]);
  });

  test("does not take the death of a neard that has had its key for long for the take-over's", () => {
    const { story } = term(100_000);
    const savedTerm = { story: { ...story, deaths: 1, silent: null, fenced: null }, activeMs: 100_000 - 3_600_000 };
    const find = {
      savedLease: saved(100_000),
      savedTerm,
      armed: "for-lease",
      keyFilePresent: true,
      isDoubted: false,
    } as const;
    const core = new Core(find, 100_000).after(50).probe({ validatorKey: settings.publicKey });
    core.after(1000).probe({ process: null, answered: false });
    expect(core.state.phase).toMatchObject({ name: "demoting", deaths: 0 });
    const before = new Core(find, 100_000).after(50).probe({ process: null, answered: false });
    expect(before.state.phase).toMatchObject({ name: "demoting", deaths: 0 });
  });

  test("knows how many died before, and that this one died early, too", () => {
    const core = again().after(50).probe({ validatorKey: settings.publicKey });
    core.after(1000).probe({ process: null, answered: false });
    expect(core.state.phase).toMatchObject({ name: "demoting", deaths: 2 });
  });

  test("writes the history of a take-over in the middle of which it was restarted", () => {
    const core = again(null).after(50).probe({ validatorKey: settings.publicKey });
    expect(core.asked("write-history")).toMatchObject([{ epoch: 5, story: { from: "host-a" }, tookMs: 5050 }]);
  });

  test("leaves what the next one needs to know", () => {
    const core = activeCore();
    const { sinceMs } = core.state;
    renewed(core.after(3000), core.nowMs - 5);
    expect(core.asked("save-lease").at(-1)?.term).toMatchObject({
      activeMs: sinceMs,
      story: { from: "host-a", deaths: 0 },
    });
  });

  test("tells all that is left of a lease that was longer than its own settings make one", () => {
    const longer = { ...saved(1000), deadlineMs: 13_000, fedUntilMs: 13_000 };
    const core = new Core(
      { savedLease: longer, savedTerm: null, armed: "for-lease", keyFilePresent: true, isDoubted: false },
      1000,
    );
    core.tell({ is: "tick" });
    expect(core.asked("renew").map((renew) => renew.heardMs)).toEqual([12_000]);
    renewed(core.after(1000), core.nowMs - 5).tell({ is: "tick" });
    expect(core.asked("renew").map((renew) => renew.heardMs)).toEqual([11_000]);
  });

  test.for([
    [
      "the lease is over",
      { savedLease: { ...saved(1000), deadlineMs: 999 }, armed: "for-lease", keyFilePresent: true, isDoubted: false },
    ],
    [
      "the fence is armed for another epoch",
      { savedLease: saved(1000), armed: "otherwise", keyFilePresent: true, isDoubted: false },
    ],
    [
      "the fence is armed without a lease",
      { savedLease: null, armed: "otherwise", keyFilePresent: false, isDoubted: false },
    ],
    ["a key file lies there", { savedLease: null, armed: "no", keyFilePresent: true, isDoubted: false }],
  ] as const)("demotes first when %s", ([, findings]) => {
    expect(new Core({ ...findings, savedTerm: null }, 1000).state.phase.name).toBe("demoting");
  });

  test("is a standby when there is nothing", () => {
    expect(new Core(nothingFound, 1000).state.phase.name).toBe("standby");
  });
});
