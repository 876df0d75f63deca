/** What somebody can do to a standby's wait who may write the lock and has no validator key: make it longer. */
import { describe, expect, test } from "vitest";
import { longestHeardMs, waitMs } from "../../contract/timing.ts";
import type { LockView, SealState } from "../lease/lock-record.ts";
import { activeCore, Core, heldByA, markerOfA, settings } from "./testing.ts";

const { takeoverMs } = settings.lease;
const longestMs = waitMs(settings.lease, longestHeardMs);
const ready = () => new Core().tell({ is: "key-checked", available: true });
const took = (core: Core) => core.asked("create-session").length;
const released: LockView = {
  modifyIndex: 60,
  lockIndex: 4,
  session: null,
  value: { host: "host-a", seq: 60, released: markerOfA },
  seal: "right",
};
const absent: LockView = { modifyIndex: 0, lockIndex: 0, session: null, value: null, seal: "right" };

/** It acts after so long and not before, whatever is in the lock. */
function actsAfter(ms: number, core: Core, lock: LockView): void {
  const fromMs = core.nowMs;
  expect(took(core)).toBe(0);
  while (took(core) === 0 && core.nowMs - fromMs < 2 * longestMs) core.live(500, lock);
  expect(core.nowMs - fromMs).toBeGreaterThanOrEqual(ms);
  expect(core.nowMs - fromMs).toBeLessThanOrEqual(ms + 600);
}

describe("a marker", () => {
  test.for(["wrong", "misplaced", "newer", "unchecked"] as const)(
    "with a seal that is %s is none: the longest wait",
    (seal) => {
      const forged: LockView = { ...released, seal };
      const core = ready().watched().see(forged);
      if (seal === "unchecked") return actsAfter(longestMs, core, forged);
      // The guard of the first activation has its say too, for nobody knows who locked this key.
      expect(took(core.live(longestMs - 100, forged))).toBe(0);
    },
  );

  test("without a seal counts as little where records had one: an older agent did not write those", () => {
    const forged: LockView = { ...released, seal: "missing" };
    const core = ready().watched().see(forged);
    expect(core.state.tampering?.because).toContain("no seal");
    actsAfter(longestMs, core, forged);
  });

  test("of an older agent counts once it has been watched for the longest wait: an upgrade costs no failover", () => {
    const older = (index: number): LockView => ({ ...heldByA(index), seal: "missing" });
    const core = ready();
    const switchover = { id: "s1", from: "host-a", to: "host-b" };
    const acked = () => core.asked("publish").some(({ text }) => JSON.parse(text).ack === "s1");
    let index = 50;
    const watch = (ms: number) => {
      for (const endMs = core.nowMs + ms; core.nowMs < endMs; index += 1)
        core.probe().see(older(index), { switchover }).after(1000).tell({ is: "tick" });
    };
    watch(longestMs - 1000);
    expect(acked()).toBe(false);
    watch(3000);
    expect(acked()).toBe(true);
    expect(core.state.tampering).toBeNull();
    core.probe().see({ ...released, modifyIndex: index, seal: "missing" });
    expect(took(core)).toBe(1);
  });
});

test("a standby does not stand ready for a holder whose marker it would not believe", () => {
  const switchover = { id: "s1", from: "host-a", to: "host-b" };
  for (const seal of ["wrong", "misplaced", "newer"] as const) {
    const core = ready();
    for (let index = 50; index < 120; index++)
      core
        .probe()
        .see({ ...heldByA(index), seal }, { switchover })
        .after(1000)
        .tell({ is: "tick" });
    expect(core.asked("publish").some(({ text }) => JSON.parse(text).ack !== null)).toBe(false);
  }
});

describe("a wait is never shorter for", () => {
  test.for<[string, LockView]>([
    ["a record of a foreign hand", { ...heldByA(60), value: null, seal: "wrong" }],
    ["a record that was put back", { ...heldByA(60), seal: "misplaced" }],
    ["one that claims to be of a newer release", { ...heldByA(60), value: null, seal: "newer" }],
    ["a record without a seal", { ...heldByA(60), seal: "missing", value: { host: "host-a", seq: 60, heardMs: 0 } }],
    ["a lock that went back", { ...heldByA(60), lockIndex: 3, value: { host: "host-a", seq: 2, heardMs: 0 } }],
    ["a much older record of this term", { ...heldByA(600), value: { host: "host-a", seq: 300, heardMs: 0 } }],
  ])("%s", ([, lock]) => {
    const core = ready();
    for (let index = 480; index < 500; index++) core.live(500, heldByA(index));
    core.see(lock);
    expect(core.state.tampering).toMatchObject({ count: 1, atMs: core.nowMs });
    expect(took(core.live(longestMs - 100, lock))).toBe(0);
  });

  test("a key that was deleted and made again, and not for what is genuine in it", () => {
    const core = ready().watched().see(absent);
    expect(core.state.tampering?.because).toContain("deleted");
    const made: LockView = { ...released, modifyIndex: 90, lockIndex: 0, value: { host: "host-a", seq: 0 } };
    core.after(1000);
    const fromMs = core.nowMs;
    core.live(3000, made);
    // Somebody of ours takes it, properly, and is lost at once.
    const next: LockView = { ...heldByA(95), lockIndex: 1, value: { host: "host-a", seq: 1, heardMs: 6500 } };
    for (let i = 0; i < 6; i++) core.live(1000, { ...next, modifyIndex: 95 + i });
    expect(took(core)).toBe(0);
    core.live(longestMs - 10_500, { ...next, modifyIndex: 100 });
    expect(core.nowMs - fromMs).toBeGreaterThan(takeoverMs + 20_000);
    expect(took(core)).toBe(0);
  });

  test("a holder with a longer lease of whom an older, shorter record of the same term comes back", () => {
    const said = (index: number, seq: number, heardMs: number): LockView => ({
      ...heldByA(index),
      value: { host: "host-a", seq, heardMs },
    });
    const core = ready()
      .live(500, said(50, 9, 15_000))
      .see(said(51, 8, 1000));
    // A third one may have come in between, which said what the first did: counted from what is seen now.
    actsAfter(waitMs(settings.lease, 15_000), core, said(51, 8, 1000));
  });

  test("a successor that holds properly: those before it are waited for as they were", () => {
    const core = ready().live(500, { ...heldByA(50), value: { host: "host-a", seq: 50, heardMs: 30_000 } });
    const next: LockView = { ...heldByA(60), lockIndex: 5, session: "session-c" };
    const renewed: LockView = { ...next, value: { host: "host-c", seq: 0, heardMs: 6500 } };
    actsAfter(waitMs(settings.lease, 30_000) - 500, core, renewed);
  });
});

describe("a genuine marker", () => {
  test("after a foreign hand was in the lock counts when nobody else can be heard any more", () => {
    const core = ready()
      .watched()
      .see({ ...heldByA(55), seal: "misplaced" });
    core.live(500, heldByA(56)).see(released);
    actsAfter(longestMs - 600, core, released);
  });

  test("of a holder that was watched counts when the one before him is over, whose lease was longer", () => {
    const core = ready().live(500, { ...heldByA(50), value: { host: "host-a", seq: 50, heardMs: 30_000 } });
    const byC = (seq: number): LockView => ({
      ...heldByA(60 + seq),
      lockIndex: 5,
      session: "session-c",
      value: { host: "host-c", seq, heardMs: 6500 },
    });
    for (let seq = 0; seq < 9; seq++) core.live(1000, byC(seq));
    const marker = { ...markerOfA, by: "host-c", session: "session-c", epoch: 5 };
    const free: LockView = { ...byC(9), session: null, value: { host: "host-c", seq: 9, released: marker } };
    core.see(free);
    actsAfter(waitMs(settings.lease, 30_000) - 9500, core, free);
  });
});

describe("is no tampering", () => {
  test("a renewal that was late on its way", () => {
    const core = ready().watched().live(500, heldByA(60));
    core.live(500, { ...heldByA(61), value: { host: "host-a", seq: 59 } });
    expect(core.state.tampering).toBeNull();
  });

  test("an older state in an answer that another one overtook", () => {
    const core = ready()
      .watched()
      .live(500, { ...heldByA(60), lockIndex: 5 });
    core.see(heldByA(59), { isOvertaken: true, index: 200 });
    expect(core.state.tampering).toBeNull();
    // Asked for afterwards it is news.
    core.see(heldByA(59), { index: 200 });
    expect(core.state.tampering?.because).toContain("went back");
  });

  test("a session that ended by its TTL, or of a take-over that was given up at once", () => {
    const lost: LockView = { ...heldByA(51), session: null };
    const byTtl = ready().watched().live(15_000, heldByA(50)).see(lost);
    const givenUp = ready().live(500, { ...heldByA(50), value: { host: "host-a", seq: 0 } });
    givenUp.see({ ...lost, value: { host: "host-a", seq: 0 } });
    for (const core of [byTtl, givenUp]) expect(core.state.tampering).toBeNull();
  });

  test("what happens while this host stands down: an operator puts Consul's data back", () => {
    const core = ready().watched();
    core.tell({ is: "stand-down", order: { id: "r1", untilMs: core.nowMs + 60_000, because: "restore" } });
    core.live(1000, { ...released, modifyIndex: 12, lockIndex: 2 });
    expect(core.state.tampering).toBeNull();
  });
});

test("a session that ends right after a renewal was ended by somebody; its record still says how long to wait", () => {
  const lost: LockView = { ...heldByA(51), session: null };
  const core = ready().watched().see(lost);
  expect(core.state.tampering?.because).toContain("ended by somebody");
  actsAfter(takeoverMs, core, lost);
});

test("a holder that loses the lock under a living lease says so", () => {
  const refused = activeCore();
  refused.tell({ is: "renew-refused", session: "session-b", because: "session does not match" });
  expect(refused.state).toMatchObject({ phase: { name: "demoting" }, tampering: { count: 1 } });
  const rewritten = activeCore();
  rewritten.tell({ is: "renewed", session: "session-b", sentMs: rewritten.nowMs, lockIndex: 0 });
  expect(rewritten.state).toMatchObject({ phase: { name: "demoting" }, tampering: { count: 1 } });
  const late = activeCore();
  late.after(settings.lease.leaseMs).tell({ is: "renew-refused", session: "session-b", because: "no session" });
  expect(late.state.tampering).toBeNull();
});

test("the history says why a take-over took a minute", () => {
  const lock: LockView = { ...heldByA(60), seal: "missing" };
  const core = ready()
    .watched()
    .see(lock)
    .live(longestMs + 600, lock);
  expect(core.state.because).toContain("no seal");
});

test.for<SealState>(["right", "missing", "wrong", "misplaced", "unchecked"])(
  "with a seal that is %s the same look at a lock that stands still starts no wait anew",
  (seal) => {
    const core = ready()
      .watched()
      .see({ ...heldByA(60), seal });
    const { overMs } = core.state.watch;
    core.live(3000, { ...heldByA(60), seal });
    expect(core.state.watch.overMs).toBe(overMs);
  },
);
