import { describe, expect, test } from "vitest";
import type { LockView } from "../lease/lock-record.ts";
import { notConfirmable } from "./fencing-steps.ts";
import { activeCore, type Core, heldByA, markerOfA, settings } from "./testing.ts";
import { Fenced, free, note, three } from "./testing-fencing.ts";

const { takeoverMs, leaseMs } = settings.lease;

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
    expect(core.view, "also while it is tried again").toMatchObject({
      state: "unproven",
      target: "host-a",
      because: "fencing is required, and host-a could not be shown to be off (1 try): no route to the device",
    });
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

  test("an order that is broken off again and again is given ever more seldom, and status says why", () => {
    const core = new Fenced().watched().live(takeoverMs + 200, heldByA(50));
    core.deeds();
    for (const waitMs of [1000, 2000, 4000, 5000, 5000]) {
      core.answer("unproven", "the lock has moved since", true);
      const because =
        "host-a may still run: its power is to be cut first; the order was broken off (the lock has moved since), and is given again in a moment";
      expect(core.view).toMatchObject({ state: "running", target: "host-a", because });
      core.live(waitMs - 100, heldByA(50));
      expect(core.state.because).toBe(because);
      expect(core.deeds(), `${waitMs}`).toEqual([]);
      core.live(100, heldByA(50));
      expect(core.deeds(), `${waitMs}`).toEqual(["off host-a"]);
    }
    core.answer("unproven", "no route");
    expect(core.state.fencing).toMatchObject({ tries: 1, brokenOff: null });
  });

  test("nor is it given again at once when this host was not ready for a moment: each costs the device some questions", () => {
    const core = new Fenced().watched().live(takeoverMs + 200, heldByA(50));
    core.deeds();
    core.live(200, heldByA(50), { syncing: true });
    expect(core.deeds()).toEqual(["abandon-power"]);
    core.live(500, heldByA(50));
    expect(core.deeds()).toEqual([]);
    core.live(700, heldByA(50));
    expect(core.deeds()).toEqual(["off host-a"]);
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
    core.answer("unproven", "no route");
    core.notes = { "host-aa": note({ ready: true, fencing: "host-a" }) };
    core.live(6000, heldByA(50));
    expect(core.state.because).toBe("host-aa cuts the power of host-a, which may still run");
    expect(core.view, "what it found out itself").toMatchObject({
      state: "unproven",
      because: expect.stringContaining("no route"),
    });
  });
});

describe("skipWait", () => {
  test("a holder whose session is gone has its moment to answer also while its device is looked at", () => {
    const gone: LockView = { ...free, value: { host: "host-a", seq: 60, session: "session-a", heardMs: leaseMs } };
    const core = new Fenced({ skipWait: true }).watched().live(takeoverMs + 200, gone);
    expect(core.deeds()).toEqual(["look host-a", "abandon-power"]);
    expect(core.state.because).toContain("waits a moment for it to say that it holds nothing");
    core.live(3000, gone);
    expect(core.deeds()).toEqual(["off host-a"]);
    // One that is under way is not broken off for it.
    expect(core.live(1000, gone).deeds()).toEqual([]);
  });

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

  describe("a wait that begins anew in the same term, with the end of the session", () => {
    const value = { host: "host-a", seq: 50, heardMs: leaseMs, session: "session-a" };
    const held: LockView = { ...heldByA(50), value };
    const lost: LockView = { ...held, session: null, modifyIndex: 60 };
    const knownOff = (skipWait: boolean) => {
      const core = new Fenced({ skipWait }).watched().live((skipWait ? leaseMs / 2 : takeoverMs) + 200, held);
      core.answer("off").fail();
      core.deeds();
      return core;
    };

    test("ends with what the device showed before", () => {
      expect(knownOff(true).live(2000, lost).deeds()).toContain("create-session");
    });

    test("not without the setting", () => {
      expect(knownOff(false).live(2000, lost).deeds()).toEqual([]);
    });

    test("nor with what an operator confirmed", () => {
      const core = new Fenced({ skipWait: true })
        .watched()
        .live(takeoverMs + 200, held)
        .answer("unproven")
        .confirm();
      expect(core.fail().deeds()).toContain("create-session");
      expect(core.live(2000, lost).deeds()).toEqual([]);
    });

    test("nor when somebody has written there besides: another may be in office", () => {
      const core = knownOff(true).live(500, lost).fail();
      core.deeds();
      expect(core.live(2000, { ...lost, modifyIndex: 70 }).deeds()).toEqual([]);
    });
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
