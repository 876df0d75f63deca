import { describe, expect, test } from "vitest";
import type { PowerProof } from "../../contract/fencing.ts";
import type { LockView } from "../lease/lock-record.ts";
import { notConfirmable } from "./fencing-steps.ts";
import { fencingView } from "./fencing-view.ts";
import { activeCore, Core, heldByA, markerOfA, nothingFound, settings } from "./testing.ts";
import type { Event, FencingSettings, PeerNote, Settings } from "./types.ts";

const required: FencingSettings = {
  mode: "required",
  skipWait: false,
  devices: ["host-a", "host-b", "host-c"].map((host) => ({ host, withinMs: 15_000 })),
};
const { takeoverMs, leaseMs } = settings.lease;

type Notes = Extract<Event, { is: "observed" }>["notes"];

/** Host-b, watching; every look at Consul shows `notes` too. */
class Fenced extends Core {
  readonly own: Settings;
  notes: Notes = {};

  constructor(change: Partial<FencingSettings> = {}, peers = settings.peers, findings = nothingFound) {
    const own = { ...settings, peers, fencing: { ...required, ...change } };
    super(findings, 1_000_000, own);
    this.own = own;
    this.tell({ is: "key-checked", available: true });
  }

  override see(lock: LockView, change: object = {}): this {
    return super.see(lock, { notes: this.notes, ...change });
  }

  get view() {
    return fencingView(this.own, this.state, this.nowMs);
  }

  /** Why the word that `host` is off is not taken; null: it is. */
  refusal(host = "host-a"): string | null {
    return notConfirmable(this.own, this.state, host, this.nowMs);
  }

  confirm(host = "host-a"): this {
    return this.tell({ is: "power-confirmed", host, at: "2026-11-29T12:00:00.000Z" });
  }

  /** Answers the newest question to a device. */
  answer(outcome: PowerProof["outcome"], because = "server 1 is off", isBrokenOff = false): this {
    const job = this.state.fencing.job;
    if (job === null) throw new Error("no device is asked");
    const proof = { host: job.host, device: "command", outcome, because, at: "2026-11-29T12:00:00.000Z", tookMs: 900 };
    return this.tell({ is: "power-seen", job: job.number, proof, isBrokenOff });
  }

  /** Each, when it was asked for. */
  deeds(): string[] {
    const found = this.effects.flatMap((effect) =>
      effect.do === "power"
        ? [`${effect.job.what} ${effect.job.host}`]
        : effect.do === "create-session" || effect.do === "take-over" || effect.do === "abandon-power"
          ? [effect.do]
          : [],
    );
    this.effects = [];
    return found;
  }
}

const note = (change: Partial<PeerNote> = {}) => ({
  ready: false,
  because: "ready",
  ack: null,
  isActive: false,
  asks: null,
  cleared: null,
  fencing: null,
  modifyIndex: 70,
  ...change,
});

const free: LockView = { ...heldByA(60), session: null };
const three = [...settings.peers, { host: "host-c", priority: 100 }];

describe("a holder that says nothing", () => {
  test("is powered off once the wait is over, not a tick sooner, and then taken over from", () => {
    const core = new Fenced().watched();
    core.live(takeoverMs - 600, heldByA(50));
    expect(core.deeds()).toEqual([]);
    core.live(600, heldByA(50));
    expect(core.deeds()).toEqual(["off host-a"]);
    core.live(3000, heldByA(50));
    expect(core.deeds(), "nothing more while the device works").toEqual([]);
    expect(core.state.because).toBe("cuts the power of host-a, which may still run");
    core.answer("off");
    expect(core.deeds()).toEqual(["create-session"]);
  });

  test("is told in the history: whom, by which device, with which proof", () => {
    const core = new Fenced()
      .watched()
      .live(takeoverMs + 200, heldByA(50))
      .answer("off");
    core.tell({ is: "session-created", serial: core.state.serial, session: "session-b" });
    core.tell({ is: "took-over", serial: core.state.serial, sentMs: core.nowMs, lockIndex: 5 });
    expect(core.state.phase).toMatchObject({
      name: "taking",
      story: {
        fenced: { host: "host-a", device: "command", outcome: "off", because: "server 1 is off" },
        because: expect.stringContaining("it is off (command): server 1 is off"),
      },
    });
  });

  test("is not taken over from while it is not shown to be off; status says why, and the device is asked again", () => {
    const core = new Fenced().watched().live(takeoverMs + 200, heldByA(50));
    core.deeds();
    core.answer("unproven", "no route to the device");
    expect(core.view).toMatchObject({ state: "unproven", target: "host-a", tries: 1 });
    expect(core.state.because).toContain("no route to the device");
    core.live(4500, heldByA(50));
    expect(core.deeds()).toEqual([]);
    core.live(1000, heldByA(50));
    expect(core.deeds()).toEqual(["off host-a"]);
    core.answer("unproven", "no route to the device").live(60_000, heldByA(50));
    expect(core.deeds()).not.toContain("create-session");
  });

  test("with bestEffort is tried once, and taken over from in any case", () => {
    const core = new Fenced({ mode: "bestEffort" }).watched().live(takeoverMs + 200, heldByA(50));
    expect(core.deeds()).toEqual(["off host-a"]);
    core.answer("unproven", "no route to the device");
    expect(core.deeds()).toEqual(["create-session"]);
  });

  test("what goes wrong at the device is told while it is still tried", () => {
    const core = new Fenced().watched().live(takeoverMs + 200, heldByA(50));
    core.tell({ is: "power-trouble", job: core.state.fencing.job?.number ?? 0, because: "no route to the device" });
    expect(core.state.because).toBe("cuts the power of host-a, which may still run; so far: no route to the device");
    expect(core.view).toMatchObject({ state: "running", because: core.state.because });
    core.tell({ is: "power-trouble", job: -1, because: "of another job" });
    expect(core.state.because).not.toContain("another job");
  });

  test("without fencing nobody is asked", () => {
    const core = new Fenced({ mode: "off" }).watched().live(takeoverMs + 200, heldByA(50));
    expect(core.deeds()).toEqual(["create-session"]);
    expect(core.view.state).toBe("idle");
  });

  test("a try that was broken off is none: it is begun anew, with bestEffort too", () => {
    const core = new Fenced({ mode: "bestEffort" }).watched().live(takeoverMs + 200, heldByA(50));
    core.deeds();
    core.answer("unproven", "the lock has moved since", true);
    expect(core.state.fencing).toMatchObject({ tries: 0, failure: null });
    expect(core.live(1200, heldByA(50)).deeds()).toEqual(["off host-a"]);
  });

  test("that renews after all is left alone: what is under way ends", () => {
    const core = new Fenced().watched().live(takeoverMs + 200, heldByA(50));
    core.deeds();
    core.live(500, heldByA(51));
    expect(core.deeds()).toEqual(["abandon-power"]);
    expect(core.state.fencing.job).toBeNull();
  });

  test("a proof is for its term alone", () => {
    const core = new Fenced()
      .watched()
      .live(takeoverMs + 200, heldByA(50))
      .answer("off");
    core.deeds();
    // It is back, and holds again.
    const again: LockView = { ...heldByA(70), lockIndex: 5, session: "session-a2" };
    core.fail().live(500, again);
    core.live(takeoverMs + 1500, again);
    expect(core.deeds()).toEqual(["off host-a"]);
  });

  test("an answer to a question of an earlier term proves nothing", () => {
    const core = new Fenced().watched().live(takeoverMs + 200, heldByA(50));
    const { job } = core.state.fencing;
    const again: LockView = { ...heldByA(70), lockIndex: 5, session: "session-a2" };
    core.live(500, again);
    const proof = { host: "host-a", device: "command", outcome: "off", because: "", at: "", tookMs: 1 } as const;
    core.tell({ is: "power-seen", job: job?.number ?? 0, proof });
    expect(core.state.fencing.proofs).toEqual([]);
  });

  test("nor does one to a question about another term, whatever became of that question", () => {
    const core = new Fenced().watched().live(takeoverMs + 200, heldByA(50));
    const { fencing } = core.state;
    if (fencing.job === null) throw new Error("nothing is under way");
    const earlier = { ...fencing, job: { ...fencing.job, term: { epoch: 3, session: null, seq: null, anewMs: 0 } } };
    core.state = { ...core.state, fencing: earlier };
    core.deeds();
    core.answer("off");
    expect(core.state.fencing.proofs).toEqual([]);
    expect(core.deeds()).not.toContain("create-session");
  });

  test("nobody is powered off by a host that is not ready, is paused, or that Consul does not hear", () => {
    const unready = new Fenced().watched().live(takeoverMs + 3000, heldByA(50), { syncing: true });
    expect(unready.deeds()).toEqual([]);
    const paused = new Fenced().watched();
    for (let i = 0; i < 20; i++) paused.probe().see(heldByA(50), { paused: true }).after(500).tell({ is: "tick" });
    expect(paused.deeds()).toEqual([]);
    const cut = new Fenced().watched();
    for (let i = 0; i < 40; i++) cut.probe().after(500).tell({ is: "tick" });
    expect(cut.deeds()).toEqual([]);
  });

  test("a host without a device is no reason to go on", () => {
    const core = new Fenced({ devices: [] }).watched().live(takeoverMs + 3000, heldByA(50));
    expect(core.deeds()).toEqual([]);
    expect(core.view).toMatchObject({
      state: "unproven",
      because: expect.stringContaining("host-a has no power device"),
    });
  });
});

describe("nobody need be powered off", () => {
  const handed: LockView = { ...heldByA(60), session: null, value: { host: "host-a", seq: 9, released: markerOfA } };

  test("in a switchover", () => {
    expect(new Fenced().watched().see(handed).deeds()).toEqual(["create-session"]);
  });

  test("before the same host takes its own lease again", () => {
    const own: LockView = { ...free, value: { host: "host-b", seq: 1, heardMs: leaseMs } };
    const core = new Fenced().live(takeoverMs + 500, own);
    expect(core.deeds()).toEqual(["create-session"]);
  });

  test("who says, when asked, that it holds nothing; an answer to an earlier question says nothing", () => {
    const core = new Fenced().watched();
    core.live(1000, free);
    const { call } = core.state.fencing;
    expect(call?.number).toBeGreaterThan(0);
    core.notes = { "host-a": note({ cleared: (call?.number ?? 0) - 1 }) };
    core.live(takeoverMs - 1500, free);
    core.notes = { "host-a": note({ cleared: call?.number ?? 0 }) };
    core.live(1000, free);
    expect(core.deeds()).toEqual(["create-session"]);
  });

  test("a holder whose session is gone is given a moment more to say so", () => {
    const core = new Fenced().watched().live(takeoverMs + 2800, free);
    expect(core.deeds()).toEqual([]);
    expect(core.state.because).toContain("waits a moment for it to say that it holds nothing");
    core.live(500, free);
    expect(core.deeds()).toEqual(["off host-a"]);
  });

  test("one whose session lives is not: who lives and hears Consul renews, or lets go in order", () => {
    const core = new Fenced().watched().live(takeoverMs - 600, heldByA(50));
    expect(core.live(700, heldByA(50)).deeds()).toEqual(["off host-a"]);
  });

  test("and is asked anew when a holder was seen alive in between", () => {
    const core = new Fenced().watched().live(leaseMs / 2 + 200, heldByA(50));
    const first = core.state.fencing.call?.number;
    core.live(1000, heldByA(51));
    expect(core.state.fencing.call).toBeNull();
    core.live(leaseMs / 2 + 200, heldByA(51));
    expect(core.state.fencing.call?.number).toBeGreaterThan(first ?? 0);
  });
});

describe("where the lock does not prove who held it", () => {
  const wrong: LockView = { ...free, seal: "missing" };
  const longestMs = 62_000;

  test("nobody is powered off, and nobody takes over before all others said that they hold nothing", () => {
    const core = new Fenced({}, three).watched().live(longestMs, wrong);
    expect(core.deeds()).toEqual([]);
    expect(core.view).toMatchObject({
      state: "unproven",
      because: expect.stringContaining("waits for host-a and host-c to say that nothing is held there"),
    });
    const cleared = core.state.fencing.call?.number ?? 0;
    core.notes = { "host-a": note({ cleared }) };
    core.live(1000, wrong);
    expect(core.deeds()).toEqual([]);
    core.notes = { ...core.notes, "host-c": note({ cleared }) };
    core.live(1000, wrong);
    expect(core.deeds()).toEqual(["create-session"]);
  });

  test("an operator may say it of each, one by one, and status says for whom it still waits", () => {
    const core = new Fenced({}, three).watched().live(longestMs, wrong);
    core.confirm("host-a");
    expect(core.view).toMatchObject({ state: "unproven", target: "host-c" });
    expect(core.refusal("host-a")).toBe("waits for host-c to be off, not for host-a");
    core.deeds();
    core.confirm("host-c");
    expect(core.deeds()).toEqual(["create-session"]);
  });

  test("so too before a first activation: it may be that Consul's data was lost", () => {
    const never: LockView = { ...heldByA(1), lockIndex: 0, session: null, value: { host: "host-b", seq: 0 } };
    const core = new Fenced().live(500, never);
    core.tell({ is: "account-seen", sight: { ...sight, atMs: core.nowMs } }).live(takeoverMs + 500, never);
    expect(core.deeds()).toEqual([]);
    core.notes = { "host-a": note({ cleared: core.state.fencing.call?.number ?? 0 }) };
    core.tell({ is: "account-seen", sight: { ...sight, atMs: core.nowMs } }).live(500, never);
    expect(core.deeds()).toEqual(["create-session"]);
  });

  test("until a holder was watched in office for longer than whoever it concealed is heard", () => {
    const core = new Fenced({}, three).watched().live(500, wrong);
    for (let index = 61; index <= 61 + longestMs / 1000 + 1; index++) core.live(1000, heldByA(index));
    expect(core.state.watch.isDoubted).toBe(false);
    core.live(takeoverMs + 200, heldByA(200));
    expect(core.deeds()).toEqual(["off host-a"]);
  });

  test("also when a record that looks right comes after it, of a holder that nobody has watched since", () => {
    const core = new Fenced({}, three).watched().live(500, wrong).live(500, heldByA(61)).live(longestMs, heldByA(62));
    expect(core.state.watch.isDoubted).toBe(true);
    expect(core.deeds()).toEqual([]);
    expect(core.view).toMatchObject({ state: "unproven", because: expect.stringContaining("host-a and host-c") });
  });

  test("with bestEffort the wait alone counts", () => {
    const core = new Fenced({ mode: "bestEffort" }, three).watched().live(longestMs, wrong);
    expect(core.deeds()).toEqual(["create-session"]);
  });
});

describe("what was known before a doubt, or before the watch had a gap, counts for nothing", () => {
  /** Of the very term that it is about. */
  const known = (change: Partial<FencingSettings> = {}) => {
    const core = new Fenced(change).watched().live(takeoverMs + 200, heldByA(50));
    core.answer("off").fail();
    core.deeds();
    return core;
  };
  const forged: LockView = { ...heldByA(50), modifyIndex: 60, seal: "missing" };

  test("a device's word", () => {
    const core = known().live(62_000, forged);
    expect(core.deeds()).toEqual([]);
    expect(core.view).toMatchObject({ state: "unproven", target: "host-a" });
  });

  test("an operator's word", () => {
    const core = new Fenced()
      .watched()
      .live(takeoverMs + 200, heldByA(50))
      .answer("unproven")
      .confirm()
      .fail();
    core.deeds();
    expect(core.live(62_000, forged).deeds()).toEqual([]);
  });

  test("an answer to a roll call: it is called again", () => {
    const core = new Fenced().watched().live(takeoverMs - 600, heldByA(50));
    const { call } = core.state.fencing;
    core.notes = { "host-a": note({ cleared: call?.number ?? 0 }) };
    core.live(62_000, forged);
    expect(core.deeds()).toEqual([]);
    expect(core.state.fencing.call?.number).toBeGreaterThan(call?.number ?? 0);
  });

  test("a question that is under way", () => {
    const core = new Fenced().watched().live(takeoverMs + 200, heldByA(50));
    const { job } = core.state.fencing;
    core.deeds();
    core.see(forged);
    expect(core.deeds()).toEqual(["abandon-power"]);
    const proof = { host: "host-a", device: "command", outcome: "off", because: "", at: "", tookMs: 1 } as const;
    core.tell({ is: "power-seen", job: job?.number ?? 0, proof });
    expect(core.live(62_000, forged).deeds()).toEqual([]);
  });

  test("after a gap the device is asked again", () => {
    const core = known().after(10_000);
    expect(core.live(takeoverMs + 200, heldByA(50)).deeds()).toEqual(["off host-a"]);
  });

  test("so too after standing down", () => {
    const core = known();
    core.tell({
      is: "stand-down",
      order: { id: "1", untilMs: core.nowMs + 60_000, because: "a snapshot is restored" },
    });
    core.tell({ is: "stand-up", id: "1" });
    expect(core.live(takeoverMs + 500, heldByA(50)).deeds()).toEqual(["off host-a"]);
  });
});

describe("an agent that is restarted while the lock is doubted", () => {
  const doubting = { ...nothingFound, isDoubted: true };

  test("is told so by the one before it, which writes down when a doubt comes and when it is over", () => {
    const core = new Fenced().watched();
    core.asked("note-doubt");
    core.see({ ...free, seal: "wrong" });
    expect(core.asked("note-doubt")).toEqual([{ do: "note-doubt", isDoubted: true }]);
    for (let index = 61; index <= 125; index++) core.live(1000, heldByA(index));
    expect(core.asked("note-doubt")).toEqual([{ do: "note-doubt", isDoubted: false }]);
  });

  test("does not take the next record at its word: it waits the longest, and for everybody", () => {
    const core = new Fenced({}, three, doubting).live(61_000, heldByA(50));
    expect(core.deeds()).toEqual([]);
    core.live(2000, heldByA(50));
    expect(core.deeds()).toEqual([]);
    expect(core.view).toMatchObject({ state: "unproven", because: expect.stringContaining("host-a and host-c") });
    const plain = new Fenced({}, three).live(takeoverMs + 500, heldByA(50));
    expect(plain.deeds(), "without a doubt").toEqual(["off host-a"]);
  });

  test("nor does one that stood down meanwhile: perhaps somebody did not let go", () => {
    const stoodDown = (before: LockView, during: LockView) => {
      const core = new Fenced({}, three).watched().see(before);
      const order = { id: "1", untilMs: core.nowMs + 60_000, because: "a snapshot is restored" };
      core.tell({ is: "stand-down", order }).see(during).tell({ is: "stand-up", id: "1" });
      core.deeds();
      return core.live(takeoverMs + 500, heldByA(80)).deeds();
    };
    const odd: LockView = { ...heldByA(60), seal: "missing" };
    expect(stoodDown(odd, odd)).toEqual([]);
    expect(stoodDown(heldByA(60), { ...odd, modifyIndex: 70 }), "what it stood down for").toEqual(["off host-a"]);
  });

  test("until a holder was watched in office for so long", () => {
    const core = new Fenced({}, three, doubting);
    for (let index = 61; index <= 125; index++) core.live(1000, heldByA(index));
    expect(core.state.watch.isDoubted).toBe(false);
    core.live(takeoverMs + 200, heldByA(200));
    expect(core.deeds()).toEqual(["off host-a"]);
  });
});

const sight = {
  nearEpoch: 7,
  standing: "none" as const,
  produced: 0,
  expected: 0,
  duties: { blocks: zero(), chunks: zero(), endorsements: zero() },
  key: settings.publicKey,
  nextKey: settings.publicKey,
  nextStartHeight: null,
};
function zero() {
  return { produced: 0, expected: 0 };
}

describe("two standbys", () => {
  test("the one that goes second leaves the device to the first, as long as that is at it", () => {
    const core = new Fenced({}, [...three, { host: "host-aa", priority: 200 }]).watched();
    core.notes = { "host-aa": note({ ready: true, fencing: "host-a" }) };
    core.live(takeoverMs + 3000, heldByA(50));
    expect(core.deeds()).toEqual([]);
    expect(core.state.because).toBe("host-aa cuts the power of host-a, which may still run");
    core.notes = { "host-aa": note({ ready: true }) };
    core.live(500, heldByA(50));
    expect(core.deeds()).toEqual(["off host-a"]);
  });
});

describe("skipWait", () => {
  test("looks at the device of a holder that was watched, and takes over as soon as it is off", () => {
    const core = new Fenced({ skipWait: true }).watched().live(leaseMs / 2 + 200, heldByA(50));
    expect(core.deeds()).toEqual(["look host-a"]);
    core.answer("off");
    expect(core.deeds()).toEqual(["create-session"]);
  });

  test("one that is on is waited for, and looked at again", () => {
    const core = new Fenced({ skipWait: true }).watched().live(leaseMs / 2 + 200, heldByA(50));
    core.answer("unproven", "is on").live(1200, heldByA(50));
    expect(core.deeds()).toEqual(["look host-a", "look host-a"]);
  });

  test("not of a holder that was not watched for a whole wait: another may be in office besides", () => {
    const core = new Fenced({ skipWait: true }).live(leaseMs / 2 + 1500, heldByA(50));
    expect(core.deeds()).toEqual([]);
  });

  test("what an operator confirms ends no wait", () => {
    const core = new Fenced({ skipWait: true }).watched().live(leaseMs / 2 + 200, heldByA(50));
    core.deeds();
    core.tell({ is: "power-confirmed", host: "host-a", at: "" }).live(500, heldByA(50));
    expect(core.deeds()).not.toContain("create-session");
  });

  test("one whose watch was broken meanwhile is waited for all the same: another may be in office by now", () => {
    const core = new Fenced({ skipWait: true })
      .watched()
      .live(leaseMs / 2 + 200, heldByA(50))
      .answer("off");
    core.fail();
    core.deeds();
    core.after(7000).probe().see(heldByA(50)).tell({ is: "tick" });
    core.live(3000, heldByA(50));
    expect(core.deeds()).not.toContain("create-session");
  });

  test("what was known before a renewal is asked anew after it, and without it waited for besides", () => {
    const late = (skipWait: boolean) => {
      const core = new Fenced({ skipWait })
        .watched()
        .live(takeoverMs + 200, heldByA(50))
        .answer("off");
      core.fail();
      core.deeds();
      expect(core.live(takeoverMs - 1500, heldByA(51)).deeds(), "before the device was asked again").toEqual(
        skipWait ? ["look host-a"] : [],
      );
      if (skipWait) core.answer("off");
      return core.deeds();
    };
    expect(late(true)).toContain("create-session");
    expect(late(false)).not.toContain("create-session");
  });

  test("without it a host that is off is waited for as any other", () => {
    const core = new Fenced().watched().live(leaseMs / 2 + 1500, heldByA(50));
    expect(core.deeds()).toEqual([]);
  });
});

describe("an operator's word", () => {
  const stuck = (peers = settings.peers) =>
    new Fenced({}, peers)
      .watched()
      .live(takeoverMs + 200, heldByA(50))
      .answer("unproven", "no route");

  test("stands for the device's, for this take-over", () => {
    const core = stuck();
    expect(core.refusal()).toBeNull();
    core.deeds();
    core.confirm();
    expect(core.deeds()).toEqual(["create-session"]);
  });

  test("also while the device is still asked, and also if another standby asks it", () => {
    const core = new Fenced().watched().live(takeoverMs + 200, heldByA(50));
    expect(core.refusal()).toBeNull();
    const second = new Fenced({}, [...three, { host: "host-aa", priority: 200 }]).watched();
    second.notes = { "host-aa": note({ ready: true, fencing: "host-a" }) };
    second.live(takeoverMs + 3000, heldByA(50));
    expect(second.refusal()).toBeNull();
  });

  test("is not taken while anything else is waited for, and it is said what", () => {
    const waiting = new Fenced().watched().live(takeoverMs - 600, heldByA(50));
    expect(waiting.refusal()).toMatch(/^waits for something else: host-a was last seen renewing \d s ago/);
    const unready = new Fenced().watched().live(takeoverMs + 500, heldByA(50), { syncing: true });
    expect(unready.refusal()).toContain("not ready: ");
    const paused = stuck().see(heldByA(50), { paused: true });
    expect(paused.refusal()).toContain("paused: automatic take-overs are off");
    const cut = stuck().after(10_000);
    expect(cut.refusal()).toContain("Consul does not confirm the lock");
    for (const core of [waiting, unready, paused, cut]) {
      core.confirm();
      expect(core.state.fencing.proofs).toEqual([]);
    }
  });

  test("is not kept for later", () => {
    const core = new Fenced().watched();
    core.tell({ is: "power-confirmed", host: "host-a", at: "" });
    core.deeds();
    core.live(takeoverMs + 500, heldByA(50));
    expect(core.deeds()).toEqual(["off host-a"]);
  });

  test("is not taken where nobody waits for it", () => {
    const core = stuck(three);
    expect(core.refusal("host-c")).toBe("waits for host-a to be off, not for host-c");
    core.live(500, heldByA(51));
    expect(core.refusal()).toContain("host-a holds the lease and renews it");
    core.live(takeoverMs + 200, heldByA(51)).answer("off");
    expect(core.refusal()).toBe("waits for nobody any more");
    const active = activeCore();
    expect(notConfirmable(settings, active.state, "host-a", active.nowMs)).toBe("is active, and waits for nobody");
    const off = new Fenced({ mode: "bestEffort" }).watched().live(takeoverMs + 200, heldByA(50));
    expect(off.refusal()).toContain("fencing is not required");
  });
});

describe("answers to a roll call", () => {
  const asked = { "host-a": note({ asks: "question 1" }) };
  const answers = (core: Core) =>
    core.effects.flatMap((effect) => (effect.do === "publish" ? JSON.parse(effect.text).clear : [])) as string[];

  test("a standby whose neard has no key answers", () => {
    const core = new Fenced();
    core.notes = asked;
    expect(answers(core.live(2000, heldByA(50)))).toContain("question 1");
  });

  test("not one that has not looked at its neard yet, or whose neard does not say", () => {
    const core = new Fenced();
    core.notes = asked;
    expect(answers(core.live(3000, heldByA(50), { answered: false }))).toEqual([]);
  });

  test("not a holder", () => {
    const core = activeCore();
    for (let i = 0; i < 30; i++)
      core
        .see({ ...heldByA(60 + i), lockIndex: 5, session: "session-b" }, { notes: asked })
        .after(200)
        .tell({ is: "tick" });
    expect(answers(core)).toEqual([]);
  });

  test("one that gave way does at once: its neard was killed", () => {
    const core = activeCore();
    core.after(10).tell({ is: "renew-refused", session: "session-b", because: "gone" });
    // Shut, killed, erased, disarmed, started.
    for (let i = 0; i < 5; i++) core.done();
    expect(core.state.phase.name).toBe("standby");
    core
      .see({ ...free, lockIndex: 5 }, { notes: asked })
      .after(1200)
      .tell({ is: "tick" });
    expect(answers(core)).toContain("question 1");
  });
});

describe("a holder that renews again", () => {
  const again = (core: Fenced) => {
    for (let index = 51; index < 60; index++) core.live(1000, heldByA(index));
    core.deeds();
    return core.live(takeoverMs + 200, heldByA(59));
  };

  test("was not off for good, whoever said so: its device is asked before the next take-over", () => {
    const confirmed = new Fenced()
      .watched()
      .live(takeoverMs + 200, heldByA(50))
      .answer("unproven", "no route");
    confirmed.confirm();
    expect(again(confirmed).deeds()).toEqual(["off host-a"]);
    const shown = new Fenced()
      .watched()
      .live(takeoverMs + 200, heldByA(50))
      .answer("off");
    shown.fail();
    expect(again(shown).deeds()).toEqual(["off host-a"]);
  });

  test("an answer to a question from before the renewal counts for nothing", () => {
    const core = new Fenced().watched().live(takeoverMs + 200, heldByA(50));
    core.deeds();
    const { job } = core.state.fencing;
    core.live(600, heldByA(51));
    expect(core.deeds()).toEqual(["abandon-power"]);
    core.tell({
      is: "power-seen",
      job: job?.number ?? 0,
      proof: { host: "host-a", device: "command", outcome: "off", because: "off", at: "", tookMs: 1 },
    });
    expect(core.state.fencing.proofs).toEqual([]);
  });

  test("one failed try with bestEffort is no reason to leave the device out later in the same term", () => {
    const core = new Fenced({ mode: "bestEffort" }).watched().live(takeoverMs + 200, heldByA(50));
    core.answer("unproven", "the API is down");
    core.fail();
    expect(again(core).deeds()).toEqual(["off host-a"]);
  });
});
