import { describe, expect, test } from "vitest";
import type { LockView } from "../lease/lock-record.ts";
import { acksInMs } from "./standby.ts";
import { heldByA, nothingFound, settings } from "./testing.ts";
import { Fenced, free, note, three } from "./testing-fencing.ts";
import type { FencingSettings } from "./types.ts";

const { takeoverMs } = settings.lease;

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
    core.tell({ is: "doubt-noted", isDoubted: true, fault: null });
    for (let index = 61; index <= 125; index++) core.live(1000, heldByA(index));
    expect(core.asked("note-doubt")[0]).toEqual({ do: "note-doubt", isDoubted: false });
  });

  test("tells the holder, and status, for how long it stands ready for no switchover", () => {
    const switchover = { id: "s1", from: "host-a", to: "host-b" };
    const told = (core: Fenced) =>
      core.asked("publish").map(({ text }) => {
        const { ack, acksInS } = JSON.parse(text);
        return { ack, acksInS };
      });
    const core = new Fenced({}, three, doubting);
    const watch = (from: number, to: number) => {
      for (let index = from; index < to; index++)
        core.probe().see(heldByA(index), { switchover }).after(1000).tell({ is: "tick" });
    };
    watch(61, 64);
    expect(told(core).at(-1)).toEqual({ ack: null, acksInS: 60 });
    watch(64, 100);
    expect(told(core).at(-1)).toEqual({ ack: null, acksInS: 30 });
    expect(acksInMs(core.own, core.state, core.nowMs)).toBe(core.state.watch.overMs - core.nowMs);
    watch(100, 116);
    // What is left a holder that asks would wait for.
    expect(told(core).at(-1)).toEqual({ ack: null, acksInS: 0 });
    watch(116, 125);
    expect(told(core).at(-1)).toEqual({ ack: "s1", acksInS: 0 });
    const wrong = new Fenced({}, three).live(3000, { ...heldByA(50), seal: "wrong" });
    expect(told(wrong).at(-1)).toEqual({ ack: null, acksInS: null });
  });

  describe("where that could not be written down", () => {
    const failed = () => {
      const core = new Fenced().watched().see({ ...free, seal: "wrong" });
      core.asked("note-doubt");
      return core.tell({ is: "doubt-noted", isDoubted: true, fault: "no space left on device" });
    };
    const written = (core: Fenced, isDoubted: boolean) => core.tell({ is: "doubt-noted", isDoubted, fault: null });

    test("it is written again each second until it is, whatever this host is meanwhile", () => {
      const core = failed();
      core.tell({ is: "key-found" });
      expect(core.state.phase.name).toBe("demoting");
      for (let i = 0; i < 3; i++) {
        expect(core.after(900).tell({ is: "tick" }).asked("note-doubt")).toEqual([]);
        expect(core.after(100).tell({ is: "tick" }).asked("note-doubt")).toEqual([
          { do: "note-doubt", isDoubted: true },
        ]);
        core.tell({ is: "doubt-noted", isDoubted: true, fault: "no space left on device" });
        expect(core.state.doubtNote.fault).toBe("no space left on device");
      }
      written(core.after(1000).tell({ is: "tick" }), true).asked("note-doubt");
      expect(core.state.doubtNote).toMatchObject({ isDoubted: true, fault: null });
      expect(core.after(5000).tell({ is: "tick" }).asked("note-doubt")).toEqual([]);
    });

    test("or until the doubt is over, which is written down in its place", () => {
      const core = failed();
      for (let index = 61; index <= 125; index++) core.live(1000, heldByA(index));
      expect(core.asked("note-doubt").at(-1)).toEqual({ do: "note-doubt", isDoubted: false });
      written(core, false);
      expect(core.state.doubtNote).toMatchObject({ isDoubted: false, fault: null });
    });

    test("and so is the end of a doubt", () => {
      const core = new Fenced({}, three, doubting);
      written(core.tell({ is: "tick" }), true);
      for (let index = 61; index <= 125; index++) core.live(1000, heldByA(index));
      expect(core.asked("note-doubt")).toContainEqual({ do: "note-doubt", isDoubted: false });
      core.tell({ is: "doubt-noted", isDoubted: false, fault: "read-only file system" });
      expect(core.after(1000).tell({ is: "tick" }).asked("note-doubt")).toEqual([
        { do: "note-doubt", isDoubted: false },
      ]);
    });
  });

  test("writes it anew, for it may be that it could not be read", () => {
    const core = new Fenced({}, three, doubting).tell({ is: "tick" });
    expect(core.asked("note-doubt")).toEqual([{ do: "note-doubt", isDoubted: true }]);
    expect(new Fenced({}, three).tell({ is: "tick" }).asked("note-doubt")).toEqual([]);
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
