import { describe, expect, test } from "vitest";
import type { LockView } from "../lease/lock-record.ts";
import { admitSwitchover } from "./switchover.ts";
import { activeCore, Core, settings } from "./testing.ts";
import { phaseRole } from "./transitions.ts";

const ours: LockView = {
  modifyIndex: 80,
  lockIndex: 5,
  session: "session-b",
  value: { host: "host-b", seq: 1 },
  seal: "right",
};
const note = (ack: string | null, ready = true, acksInS: number | null = 0) => ({
  "host-a": {
    ready,
    because: ready ? "ready" : "neard is syncing",
    ack,
    isActive: false,
    asks: null,
    cleared: null,
    acksInS,
    fencing: null,
    modifyIndex: 70,
  },
});
const activeNote = {
  "host-a": {
    ready: false,
    because: "is active",
    ack: null,
    isActive: true,
    asks: null,
    cleared: null,
    acksInS: 0,
    fencing: null,
    modifyIndex: 95,
  },
};
const job = (nowMs: number, window = false) => ({ id: "s1", to: "host-a", window, startedMs: nowMs });

function asked(window = false): Core {
  const core = activeCore().see(ours, { notes: note(null) });
  core.tell({ is: "switchover-asked", job: job(core.nowMs, window) });
  return core;
}

describe("handing over", () => {
  test("shuts only after the successor said that it stands ready for this very switchover", () => {
    const core = asked();
    core.see(ours, { notes: note("s0") });
    expect(core.effects.some((effect) => effect.do === "shut")).toBe(false);
    core.see(ours, { notes: note("s1") });
    expect(core.effects.at(-1)?.do).toBe("shut");
  });

  test("goes fence, key, neard's word, release, and then restarts neard", () => {
    const core = asked().see(ours, { notes: note("s1") });
    core.done().done();
    core.after(40).probe({ validatorKey: null });
    core.done();
    for (let i = 0; i < 5; i++) core.done();
    const order = ["shut", "unload-key", "release", "kill-neard", "erase-key", "disarm", "start-neard"];
    const deeds = core.effects.map((effect) => effect.do).filter((name) => order.includes(name));
    expect(deeds).toEqual([
      "shut",
      "unload-key",
      "release",
      "shut",
      "kill-neard",
      "erase-key",
      "disarm",
      "start-neard",
    ]);
    expect(core.effects.find((effect) => effect.do === "release")).toMatchObject({
      marker: { to: "host-a", switchover: "s1", epoch: 5 },
    });
  });

  test("never feeds the fence again once it is shut for the switchover", () => {
    const core = asked()
      .see(ours, { notes: note("s1") })
      .done();
    core.effects = [];
    // Longer than the shortest time between two feeds, and by both ways that lead to one.
    core.after(1500).tell({ is: "renewed", session: "session-b", sentMs: core.nowMs - 5, lockIndex: 5 });
    core.after(1500).tell({ is: "tick" });
    expect(core.asked("feed")).toEqual([]);
  });

  test("releases nothing while neard still shows the key, and kills it instead", () => {
    const core = asked()
      .see(ours, { notes: note("s1") })
      .done()
      .done();
    for (let ms = 0; ms < 2200; ms += 100)
      core.after(100).probe({ validatorKey: settings.publicKey }).tell({ is: "tick" });
    expect(core.effects.some((effect) => effect.do === "release")).toBe(false);
    expect(core.state.phase).toMatchObject({ name: "demoting", to: "host-a" });
  });

  test("does not take what neard said before its key was taken away for its word", () => {
    const core = asked()
      .see(ours, { notes: note("s1") })
      .done();
    const beforeMs = core.nowMs;
    core.after(20).done();
    core.after(20).probe({ validatorKey: null, atMs: beforeMs });
    expect(core.effects.some((effect) => effect.do === "release")).toBe(false);
    core.after(20).probe({ validatorKey: null });
    expect(core.effects.some((effect) => effect.do === "release")).toBe(true);
  });

  test("names the head that neard had when the fence was shut, and none from before or long after", () => {
    const core = asked().probe({ height: 20 });
    core.see(ours, { notes: note("s1") }).asked("probe-soon");
    core.after(5).done();
    expect(core.asked("probe-soon")).toHaveLength(1);
    core.probe({ height: 20, atMs: core.nowMs - 5, validatorKey: settings.publicKey });
    core.after(5).probe({ height: 21, validatorKey: settings.publicKey });
    // What it makes from here on stays behind the fence.
    core.after(900).done().after(5).probe({ height: 22, validatorKey: null });
    expect(core.asked("release")).toMatchObject([{ marker: { height: 21 } }]);
  });

  test("names it too when neard has to be killed", () => {
    const core = asked()
      .see(ours, { notes: note("s1") })
      .done();
    core.after(5).probe({ height: 21, validatorKey: settings.publicKey }).done();
    for (let ms = 0; ms < 2200; ms += 100)
      core.after(100).probe({ height: 23, validatorKey: settings.publicKey }).tell({ is: "tick" });
    core.done().done().done();
    expect(core.asked("release")).toMatchObject([{ marker: { height: 21 } }]);
  });

  const releasing = () => {
    const core = asked()
      .see(ours, { notes: note("s1") })
      .done()
      .done();
    core.after(40).probe({ validatorKey: null });
    expect(core.asked("release")).toMatchObject([{ marker: { to: "host-a" } }]);
    return core;
  };

  test("repeats a release that was not answered, but not faster than it can fail", () => {
    const core = releasing().after(2000).fail();
    expect(core.state.phase).toMatchObject({ name: "handing", step: "releasing" });
    expect(core.asked("release")).toMatchObject([{ delayMs: 200, marker: { to: "host-a" } }]);
  });

  test("does not repeat a release that Consul refuses: the lock is not ours any more", () => {
    const core = releasing().fail(true);
    expect(core.state.phase.name).toBe("demoting");
    expect(core.asked("release")).toEqual([]);
  });

  test("has not failed because a renewal was refused that came after its own release", () => {
    const core = releasing().tell({ is: "renew-refused", session: "session-b", because: "another session" });
    expect(core.state.phase.name).toBe("demoting");
    expect(core.state.lastSwitchover).toMatchObject({ id: "s1", state: "running" });
    core.see(takenByA, { notes: activeNote });
    expect(core.state.lastSwitchover).toMatchObject({ id: "s1", state: "done" });
  });

  const takenByA = { ...ours, modifyIndex: 90, lockIndex: 6, session: "session-a", value: { host: "host-a", seq: 0 } };
  const letGo = () => releasing().done();

  test("is done when the successor is active, not when it has the lock", () => {
    const core = letGo().see(takenByA, { notes: note("s1") });
    expect(core.state.lastSwitchover).toMatchObject({ state: "running" });
    core.see({ ...takenByA, modifyIndex: 91 }, { notes: activeNote });
    expect(core.state.lastSwitchover).toMatchObject({ state: "done", because: "host-a took over with epoch 6" });
  });

  test("has failed when the successor gives the lock back, and says why", () => {
    const released = {
      ...{ by: "host-a", session: "session-a", to: null, epoch: 6, switchover: null, height: null, deaths: 0 },
      because: "host-a gave way: gives the lock back: the key has no place",
    };
    const core = letGo().see({ ...takenByA, session: null, value: { host: "host-a", seq: 1, released } });
    expect(core.state.lastSwitchover).toMatchObject({
      state: "failed",
      because: `host-a took the lock and let it go again: ${released.because}`,
    });
  });

  test.for([
    ["host-b", "this host takes over again"],
    ["host-c", "another one takes over"],
  ] as const)("has failed when %s holds in the end: %s", ([host]) => {
    const core = letGo().see({ ...takenByA, lockIndex: 7, session: "session-x", value: { host, seq: 0 } });
    expect(core.state.lastSwitchover).toMatchObject({ state: "failed", because: `${host} took over with epoch 7` });
  });

  test("goes on while the lock still shows what this host had", () => {
    const core = letGo()
      .see(ours)
      .see({ ...ours, session: null, modifyIndex: 85 });
    expect(core.state.lastSwitchover).toMatchObject({ state: "running" });
  });

  test("is dropped without a trace when the successor is silent", () => {
    const core = asked();
    core.tell({ is: "renewed", session: "session-b", sentMs: core.nowMs, lockIndex: 5 });
    for (let ms = 0; ms < settings.lease.takeoverMs + 3200; ms += 500) {
      core.after(500).tell({ is: "renewed", session: "session-b", sentMs: core.nowMs - 5, lockIndex: 5 });
      core.probe({ validatorKey: settings.publicKey }).tell({ is: "tick" });
    }
    expect(core.state.phase.name).toBe("active");
    expect(core.state.lastSwitchover).toMatchObject({ id: "s1", state: "failed" });
    expect(core.effects.some((effect) => effect.do === "shut")).toBe(false);
  });

  test("says so when its successor was restarted meanwhile, and doubts the lock", () => {
    const core = asked();
    for (let ms = 0; ms < settings.lease.takeoverMs + 3200; ms += 500) {
      core.after(500).tell({ is: "renewed", session: "session-b", sentMs: core.nowMs - 5, lockIndex: 5 });
      core.see(ours, { notes: note(null, true, 50) });
      core.probe({ validatorKey: settings.publicKey }).tell({ is: "tick" });
    }
    expect(core.state.lastSwitchover).toMatchObject({
      state: "failed",
      because:
        "host-a did not say that it stands ready: it would not believe for up to 50 s yet that the holder has let go",
    });
  });

  test("looks for its window once the successor is ready, and waits for it", () => {
    const core = asked(true);
    expect(core.effects.some((effect) => effect.do === "find-window")).toBe(false);
    core.see(ours, { notes: note("s1") });
    expect(core.effects.at(-1)?.do).toBe("find-window");
    core.tell({ is: "window-found", serial: core.state.serial, opensMs: core.nowMs + 1000 });
    core.after(900).tell({ is: "tick" });
    expect(core.effects.some((effect) => effect.do === "shut")).toBe(false);
    core.after(200).tell({ is: "tick" });
    expect(core.effects.some((effect) => effect.do === "shut")).toBe(true);
  });

  test("asks again when there is no window, and holds meanwhile", () => {
    const core = asked(true).see(ours, { notes: note("s1") });
    core.asked("find-window");
    core.fail();
    expect(core.asked("find-window")).toMatchObject([{ delayMs: 2000 }]);
    expect(core.state.phase).toMatchObject({ name: "handing", step: "window" });
  });
});

describe("while it waits for its window", () => {
  const waiting = () => {
    const core = asked(true).see(ours, { notes: note("s1") });
    core.effects = [];
    return core;
  };
  /** The lease is renewed all the while; every second neard is asked. */
  const wait = (core: Core, ms: number, probe: Parameters<Core["probe"]>[0]) => {
    for (let passedMs = 0; passedMs < ms; passedMs += 1000) {
      core.after(1000).tell({ is: "renewed", session: "session-b", sentMs: core.nowMs - 5, lockIndex: 5 });
      core
        .see(ours, { notes: note("s1") })
        .probe(probe)
        .tell({ is: "tick" });
    }
    return core;
  };

  test("the holder is active as before, since when it was", () => {
    const before = activeCore();
    const sinceMs = before.state.sinceMs;
    const core = before.after(3000).see(ours, { notes: note(null) });
    core.tell({ is: "switchover-asked", job: job(core.nowMs, true) }).see(ours, { notes: note("s1") });
    expect(phaseRole(core.state.phase)).toBe("active");
    expect(core.state.sinceMs).toBe(sinceMs);
    expect(core.state.because).toContain("waits for a maintenance window");
    core.tell({ is: "window-found", serial: core.state.serial, opensMs: core.nowMs });
    core.after(100).tell({ is: "tick" });
    expect(phaseRole(core.state.phase)).toBe("handing");
    expect(core.state.sinceMs).toBe(core.nowMs);
  });

  test("a neard that validates goes on waiting, however long", () => {
    const core = wait(waiting(), 4 * settings.hungMs, { validatorKey: settings.publicKey });
    expect(core.state.phase).toMatchObject({ name: "handing", step: "window" });
  });

  test.each([
    ["that hangs", { answered: false, validatorKey: null }],
    ["that has lost its key", { validatorKey: null }],
  ])("a neard %s ends the waiting, and the ready standby takes over at once", (_, probe) => {
    const core = wait(waiting(), settings.hungMs - 2000, { validatorKey: settings.publicKey });
    wait(core, settings.hungMs - 1000, probe);
    expect(core.state.phase).toMatchObject({ name: "handing", step: "window" });
    wait(core, 3000, probe);
    expect(core.state.lastSwitchover).toMatchObject({ state: "failed", because: expect.stringContaining("neard") });
    expect(core.state.phase.name).toBe("demoting");
  });
});

describe("who may begin one", () => {
  const admit = (core: Core, to?: string) =>
    admitSwitchover(settings, core.state, { ...(to === undefined ? {} : { to }), window: false }, core.nowMs);

  test("the active host, to a ready standby", () => {
    expect(admit(activeCore().see(ours, { notes: note(null) }))).toEqual({ to: "host-a" });
  });

  test.for([
    ["not to itself", "host-b", note(null), "host-b is active already"],
    ["not to a stranger", "host-x", note(null), "host-x is not a neard host"],
    ["not to one that is not ready", "host-a", note(null, false), "host-a: neard is syncing"],
    ["not when nobody was heard of", undefined, {}, "host-a: has not been heard of lately"],
  ] as const)("%s", ([, to, notes, reason]) => {
    expect(admit(activeCore().see(ours, { notes }), to)).toMatchObject({ refused: expect.stringContaining(reason) });
  });

  test.for([
    [40, "host-a: would not believe for up to 40 s yet that the holder has let go", "ask again in 40 s"],
    [null, "host-a: would not believe while the lock is as it sees it", "mend the standby first"],
  ] as const)("not to one that doubts the lock for %s s: it would say nothing", ([acksInS, reason, next]) => {
    expect(admit(activeCore().see(ours, { notes: note(null, true, acksInS) }))).toMatchObject({
      refused: expect.stringContaining(reason),
      next: expect.stringContaining(next),
      mayPass: true,
    });
  });

  test("rather to one that is ready and believes", () => {
    const peers = [...settings.peers, { host: "host-c", priority: 50 }];
    const notes = { ...note(null, true, 40), "host-c": note(null)["host-a"] };
    const core = activeCore().see(ours, { notes });
    expect(admitSwitchover({ ...settings, peers }, core.state, { window: false }, core.nowMs)).toEqual({
      to: "host-c",
    });
  });

  test("nobody while one is under way", () => {
    expect(admit(asked(true))).toMatchObject({ refused: "a switchover to host-a is under way", mayPass: false });
  });

  test("not a standby", () => {
    expect(admit(new Core())).toMatchObject({ refused: "host-b is not active (it is standby)" });
  });
});
