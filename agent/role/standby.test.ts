import { describe, expect, test } from "vitest";
import { longestHeardMs, waitMs } from "../../contract/timing.ts";
import { absentLock, type LockView } from "../lease/lock-record.ts";
import { activeCore, Core, heldByA, markerOfA, settings } from "./testing.ts";

/** For how long a lock is waited for of which nobody knows who wrote it. */
const longestMs = waitMs(settings.lease, longestHeardMs);
const ready = () => new Core().tell({ is: "key-checked", available: true });
const took = (core: Core) => core.asked("create-session").length;

const released: LockView = {
  modifyIndex: 60,
  lockIndex: 4,
  session: null,
  value: {
    host: "host-a",
    seq: 9,
    released: markerOfA,
  },
  seal: "right",
};

describe("waits", () => {
  test("a full takeoverMs from the last change, not a tick less", () => {
    const core = ready().live(500, heldByA(50));
    expect(took(core.live(settings.lease.takeoverMs - 600, heldByA(50)))).toBe(0);
    expect(took(core.live(200, heldByA(50)))).toBe(1);
  });

  test("anew after each renewal", () => {
    const core = ready();
    for (let index = 50; index < 70; index++) core.live(1000, heldByA(index));
    expect(took(core)).toBe(0);
  });

  test("from its own start, even if the lock stood still for an hour", () => {
    const core = ready().probe().see(heldByA(50)).tell({ is: "tick" });
    expect(took(core)).toBe(0);
  });

  test("anew when the watch was broken for longer than unbrokenMs", () => {
    const core = ready().live(6000, heldByA(50)).after(6500).probe().see(heldByA(50)).tell({ is: "tick" });
    expect(took(core)).toBe(0);
    expect(core.nowMs - core.state.watch.changedMs).toBe(0);
  });

  test("anew when an index went backwards, as after a restored snapshot", () => {
    const core = ready().live(6500, heldByA(50));
    core.see(heldByA(50), { index: 90 }).after(600).probe().tell({ is: "tick" });
    expect(took(core)).toBe(0);
  });

  test("anew when another holder appears under the same index, as it can after Consul's data was lost", () => {
    const core = ready().live(6500, heldByA(50));
    core
      .see({ ...heldByA(50), session: "session-c", value: { host: "host-c", seq: 1, heardMs: 6500 } })
      .after(600)
      .probe();
    expect(took(core.tell({ is: "tick" }))).toBe(0);
  });

  test("and does not act on a picture that is older than unbrokenMs", () => {
    const core = ready().live(4000, heldByA(50)).after(6100).probe().tell({ is: "tick" });
    expect(took(core)).toBe(0);
    expect(core.state.because).toContain("Consul does not confirm");
  });
});

describe("answers for the address of a holder that said nothing", () => {
  /** Takes the lock after `core` has asked for a session. */
  const win = (core: Core) => {
    const session = core.asked("create-session").at(-1);
    core.tell({ is: "session-created", serial: session?.serial ?? -1, session: "session-b" });
    const takeOver = core.asked("take-over").at(-1);
    return core.tell({ is: "took-over", serial: takeOver?.serial ?? -1, sentMs: core.nowMs, lockIndex: 5 });
  };
  const deeds = (core: Core) => core.effects.filter(({ do: deed }) => deed === "answer-for");

  test("once the lock is won, not before", () => {
    const core = ready().live(settings.lease.takeoverMs + 1000, heldByA(50));
    expect(deeds(core)).toEqual([]);
    expect(deeds(win(core))).toEqual([{ do: "answer-for", host: "host-a" }]);
  });

  test("not of one that let go by itself", () => {
    const core = ready().watched().live(500, released);
    expect(deeds(win(core))).toEqual([]);
    expect(core.state.phase.name).toBe("taking");
  });
});

describe("a lock that does not exist", () => {
  test("is made and then watched, never taken: it looks the same whether or not somebody had it meanwhile", () => {
    const core = ready().live(3 * settings.lease.takeoverMs, absentLock);
    expect(core.effects.filter((effect) => effect.do === "create-session")).toEqual([]);
    expect(core.asked("create-lock").length).toBeGreaterThan(5);
    expect(core.state.because).toBe("the lock's key does not exist; it is being made");
  });

  test("is not made on a picture that Consul does not confirm", () => {
    const core = ready().live(500, absentLock);
    core.asked("create-lock");
    core
      .after(settings.lease.unbrokenMs + 1000)
      .probe()
      .tell({ is: "tick" });
    expect(core.asked("create-lock")).toEqual([]);
  });
});

describe("a clean marker", () => {
  test("naming this host lets it act at once", () => {
    const core = ready().watched().see(released);
    expect(took(core)).toBe(1);
  });

  test("of a holder that was not watched for a takeoverMs does not: an older one's late release could look so", () => {
    const core = ready().live(500, heldByA(50)).see(released);
    expect(took(core)).toBe(0);
    expect(took(core.live(settings.lease.takeoverMs - 600, released))).toBe(0);
    expect(took(core.live(200, released))).toBe(1);
  });

  test("merely found at its start proves nothing: the full wait", () => {
    const core = ready().live(settings.lease.takeoverMs - 100, released);
    expect(took(core)).toBe(0);
    expect(took(core.live(200, released))).toBe(1);
  });

  test("of a restored snapshot proves nothing: somebody may have taken over since it was saved", () => {
    const core = ready().watched().live(500, heldByA(70)).see(released, { index: 60 }).tell({ is: "tick" });
    expect(took(core)).toBe(0);
    expect(took(core.live(longestMs - 100, released))).toBe(0);
    expect(took(core.live(300, released))).toBe(1);
  });

  test("of another session than the one that was seen to hold proves nothing, however much newer it looks", () => {
    const later: LockView = { ...released, modifyIndex: 70, lockIndex: 5 };
    if (later.value?.released === undefined) throw new Error("no marker");
    const value = { ...later.value, released: { ...later.value.released, epoch: 5, session: "session-x" } };
    const core = ready()
      .live(500, heldByA(50))
      .see({ ...later, value })
      .tell({ is: "tick" });
    expect(took(core)).toBe(0);
    expect(took(core.live(settings.lease.takeoverMs + 100, { ...later, value }))).toBe(1);
  });

  test("whose record is older than the one before it proves nothing, though other keys moved on", () => {
    const core = ready().live(500, heldByA(70)).see(released, { index: 200 }).tell({ is: "tick" });
    expect(took(core)).toBe(0);
  });

  test("seen before the watch broke is merely found after it", () => {
    const core = ready().watched().tell({ is: "key-checked", available: false }).see(released);
    core
      .after(settings.lease.unbrokenMs + 1)
      .tell({ is: "key-checked", available: true })
      .probe()
      .see(released);
    expect(took(core)).toBe(0);
  });

  test("naming another host leaves that one alone with the lock first", () => {
    const marker = released.value?.released;
    if (marker === undefined) throw new Error("no marker");
    const toC: LockView = { ...released, value: { host: "host-a", seq: 9, released: { ...marker, to: "host-c" } } };
    const core = ready().watched().see(toC);
    expect(took(core)).toBe(0);
    expect(took(core.live(3100, toC))).toBe(1);
  });

  test("counts even while paused: a switchover is somebody's wish", () => {
    const core = ready().watched().see(released, { paused: true });
    expect(took(core)).toBe(1);
  });
});

test("a paused cluster stays as it is", () => {
  const core = ready();
  for (let i = 0; i < 40; i++) core.probe().see(heldByA(50), { paused: true }).after(500).tell({ is: "tick" });
  expect(took(core)).toBe(0);
  expect(core.state.because).toBe("paused: automatic take-overs are off");
});

test.for([
  ["is not running", { process: null }],
  ["does not answer", { answered: false }],
  ["is on chain mainnet", { chainId: "mainnet" }],
  ["is syncing", { syncing: true }],
  ["head is older", { headAgeMs: 21_000 }],
  ["rejects its configuration", { configCorrect: false }],
  ["supports protocol 84", { protocolVersion: 85 }],
] as const)("does not compete while neard %s", ([reason, change]) => {
  const core = ready().live(20_000, heldByA(50), change);
  expect(took(core)).toBe(0);
  expect(core.state.because).toContain(reason);
});

test("does not compete without the sealed key", () => {
  const core = new Core().live(20_000, heldByA(50));
  expect(took(core)).toBe(0);
  expect(core.state.because).toContain("the sealed validator key is missing");
});

test("looks again between session and lock: a renewal seen meanwhile ends the try", () => {
  const core = ready().live(7600, heldByA(50));
  expect(took(core)).toBe(1);
  core.see(heldByA(51)).tell({ is: "session-created", serial: core.state.serial, session: "session-b" });
  expect(core.effects.map((effect) => effect.do)).toContain("destroy-session");
  expect(core.asked("take-over")).toEqual([]);
});

test("an answer to an abandoned take-over makes nobody a holder", () => {
  const core = ready().live(7600, heldByA(50));
  core.tell({ is: "session-created", serial: core.state.serial, session: "session-b" });
  const [effect] = core.asked("take-over");
  if (effect === undefined) throw new Error("did not try");
  core.after(4100).tell({ is: "tick" });
  expect(core.asked("destroy-session")).toHaveLength(1);
  core.tell({ is: "took-over", serial: effect.serial, sentMs: core.nowMs, lockIndex: 5 });
  expect(core.state.phase.name).toBe("standby");
});

test("a neard that has the key without a lease is killed, whoever gave it to it", () => {
  const core = ready().live(500, heldByA(50)).after(10).probe({ validatorKey: settings.publicKey });
  expect(core.state.phase.name).toBe("demoting");
});

test("a repeated note differs from the one before: Consul moves no index for the same value", () => {
  const texts = ready()
    .live(25_000, heldByA(50))
    .asked("publish")
    .map((effect) => effect.text);
  expect(texts.length).toBeGreaterThanOrEqual(3);
  expect(new Set(texts).size).toBe(texts.length);
});

test("a note that could not be written is written again after a second, not only when it is repeated anyway", () => {
  const core = ready().live(1000, heldByA(50));
  const written = (ms: number) => {
    core.asked("publish");
    return core.live(ms, heldByA(50)).asked("publish").length;
  };
  expect(written(3000)).toBe(0);
  core.tell({ is: "unpublished" });
  expect(written(100)).toBe(1);
  core.tell({ is: "unpublished" });
  expect(written(800)).toBe(0);
  expect(written(300)).toBe(1);
  expect(written(3000)).toBe(0);
});

test("a key that somebody left where neard would find it is erased, and the neard that may have read it killed", () => {
  const core = ready().live(500, heldByA(50));
  core.asked("shut");
  core.tell({ is: "key-found" });
  expect(core.state.phase).toMatchObject({ name: "demoting", release: null });
  const order = (["shut", "kill-neard", "erase-key", "disarm", "start-neard"] as const).map((deed) => {
    const asked = core.asked(deed).length;
    core.done();
    return asked;
  });
  expect(order).toEqual([1, 1, 1, 1, 1]);
  expect(core.state.phase.name).toBe("standby");
});

test("a holder's own key file is no reason for anything", () => {
  const core = activeCore().tell({ is: "key-found" });
  expect(core.state.phase.name).toBe("active");
});

describe("a key that has no place on this host", () => {
  const fault = "the key has no place: /run/holdfast-key is not there";
  const without = () => ready().tell({ is: "place-checked", fault });

  test("keeps it from taking over, and says so", () => {
    const core = without().live(settings.lease.takeoverMs + 5000, heldByA(50));
    expect(took(core)).toBe(0);
    expect(core.state.because).toBe(`host-a holds the lock; not ready: ${fault}`);
  });

  test("keeps it from being chosen: its note says that it is not ready, and why", () => {
    const core = without().live(2000, heldByA(50));
    const [text = ""] = core
      .asked("publish")
      .map((effect) => effect.text)
      .slice(-1);
    expect(JSON.parse(text)).toMatchObject({ ready: false, because: fault, ack: null, active: false });
  });

  test("found again, it takes over as ever", () => {
    const core = without().live(settings.lease.takeoverMs + 5000, heldByA(50));
    expect(took(core.tell({ is: "place-checked", fault: null }).live(200, heldByA(50)))).toBe(1);
  });
});

test("a host that becomes active says so at once, however short ago it said something else: somebody waits for it", () => {
  const core = activeCore();
  core.state = { ...core.state, published: { text: "{}", atMs: core.nowMs - 100 } };
  const [text = ""] = core
    .tell({ is: "tick" })
    .asked("publish")
    .map((effect) => effect.text);
  expect(JSON.parse(text)).toMatchObject({ ready: false, active: true });
});
