import { describe, expect, test } from "vitest";
import { genesis } from "./fixtures.ts";
import { makeReport, type ReportScope, reportSchema } from "./report.ts";
import { producerAt, slotStartMs } from "./schedule.ts";
import type { SignatureEvent, WitnessEvent } from "./witness-event.ts";

const account = genesis.account;
const at = (height: number) => slotStartMs(genesis, height);

/** `host` signs `height` 5 ms into its slot, or at `arrivedMs`. */
function signed(host: string, height: number, more: Partial<SignatureEvent> = {}): SignatureEvent {
  const arrivedMs = more.arrivedMs ?? at(height) + 5;
  return {
    type: "signature",
    host,
    address: host,
    account,
    key: "ed25519:ours",
    tenure: `${host}-1`,
    height,
    kind: producerAt(genesis, height) === account ? "block" : "endorsement",
    signature: `${height}`,
    sentMs: arrivedMs,
    arrivedMs,
    onTime: arrivedMs < at(height + 1),
    ...more,
  };
}

/** `host` has the key, under the tenure of `signed`. */
const keyOn = (host: string, atMs: number): WitnessEvent => ({
  type: "key",
  host,
  address: host,
  account,
  tenure: `${host}-1`,
  atMs,
});

/** The end of a height: what was signed for it in time counts, except where `unheard` says that nobody approved. */
function over(height: number, signatures: SignatureEvent[], unheard: (height: number) => boolean): WitnessEvent {
  const producer = producerAt(genesis, height);
  const counts =
    signatures.some((event) => event.account === account && event.height === height && event.onTime) &&
    !unheard(height);
  const isOurs = producer === account;
  return {
    type: "slot",
    height,
    startMs: at(height),
    producer,
    accepted: !isOurs || counts,
    endorsed: !isOurs && counts,
  };
}

/** All events in order of arrival, with every height up to `lastHeight` over. */
function timeline(
  signatures: SignatureEvent[],
  lastHeight: number,
  unheard: (height: number) => boolean = () => false,
  more: WitnessEvent[] = [],
): WitnessEvent[] {
  const slots = Array.from({ length: lastHeight }, (_, i) => over(i + 1, signatures, unheard));
  const when = (event: WitnessEvent) =>
    event.type === "slot" ? at(event.height + 1) : event.type === "signature" ? event.arrivedMs : event.atMs;
  return [...slots, ...signatures, ...more].sort((a, b) => when(a) - when(b));
}

function run(host: string, from: number, to: number, more: Partial<SignatureEvent> = {}): SignatureEvent[] {
  return Array.from({ length: to - from + 1 }, (_, i) => signed(host, from + i, more));
}

function report(signatures: SignatureEvent[], lastHeight: number, scope: Partial<ReportScope> = {}) {
  return judged(timeline(signatures, lastHeight), lastHeight, scope);
}

function judged(events: WitnessEvent[], lastHeight: number, scope: Partial<ReportScope> = {}) {
  const made = makeReport(events, {
    account,
    slotMs: 600,
    fromHeight: 1,
    fromMs: at(1),
    nowMs: at(lastHeight + 1),
    ...scope,
  });
  return reportSchema.parse(made);
}

const ourHeights = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i).filter((height) => producerAt(genesis, height) === account);

describe("blocks and endorsements", () => {
  test("a host that signs every height misses nothing", () => {
    const made = report(run("a", 1, 40), 40);
    const { slots, produced, accepted, missed, endorsed, missedEndorsements, gaps, current } = made;
    const blocks = ourHeights(1, 40).length;
    expect({ slots, produced, accepted, missed, endorsed, missedEndorsements }).toEqual({
      slots: 40,
      produced: blocks,
      accepted: blocks,
      missed: 0,
      endorsed: 40 - blocks,
      missedEndorsements: 0,
    });
    expect(gaps).toEqual([]);
    expect(current).toMatchObject({ host: "a", height: 40, silentMs: 595 });
  });

  test("a silence misses our blocks in it and is a gap from signature to signature", () => {
    const made = report([...run("a", 1, 10), ...run("b", 35, 40)], 40);
    expect(made.missedHeights).toEqual(ourHeights(11, 34));
    expect(made.missedHeights.length).toBeGreaterThan(0);
    expect(made.gaps).toEqual([
      {
        fromHeight: 10,
        toHeight: 35,
        from: new Date(at(10) + 5).toISOString(),
        to: new Date(at(35) + 5).toISOString(),
        seconds: 15,
        fromHost: "a",
        toHost: "b",
      },
    ]);
  });

  test("what was signed and not taken by the chain is produced and missed", () => {
    const made = judged(
      timeline(run("a", 1, 40), 40, (height) => height > 20),
      40,
    );
    expect(made).toMatchObject({
      produced: ourHeights(1, 40).length,
      accepted: ourHeights(1, 20).length,
      missed: ourHeights(21, 40).length,
      gaps: [],
    });
    expect(made.missedHeights).toEqual(ourHeights(21, 40));
    expect(made.endorsed + made.accepted).toBe(20);
  });

  test("a signature after its slot is late: its block is missed and its silence stays a gap", () => {
    const [block = 0] = ourHeights(5, 40);
    const late = signed("a", block, { arrivedMs: at(block + 1) + 1 });
    const made = report([...run("a", 1, block - 1), late, ...run("a", block + 2, 40)], 40);
    expect(made.late).toBe(1);
    expect(made.missedHeights).toContain(block);
    expect(made.produced).toBe(made.accepted + 1);
    expect(made.gaps).toHaveLength(1);
  });

  test("other validators' signatures are not ours", () => {
    expect(report(run("a", 1, 5, { account: "node1.localnet" }), 5).current).toBeNull();
  });

  test("an open height is not judged yet", () => {
    expect(report(run("a", 1, 6), 5)).toMatchObject({ slots: 5, toHeight: 5, missed: 0, missedEndorsements: 0 });
  });
});

describe("the report's beginning", () => {
  test("heights and gaps before it do not count", () => {
    const signatures = [...run("a", 1, 5), ...run("a", 20, 40)];
    const made = report(signatures, 40, { fromHeight: 20, fromMs: at(20) });
    expect(made).toMatchObject({ fromHeight: 20, slots: 21, missed: 0, gaps: [] });
  });

  test("a late signature of an earlier height that arrives after it counts", () => {
    const stray = signed("a", 10, { arrivedMs: at(30) });
    const made = report([...run("b", 20, 40), stray], 40, { fromHeight: 20, fromMs: at(20) });
    expect(made).toMatchObject({ late: 1, overlapMs: 1 });
  });
});

describe("two hosts", () => {
  test("a clean hand-over has no overlap", () => {
    expect(report([...run("a", 1, 10), ...run("b", 11, 20)], 20)).toMatchObject({ overlapMs: 0, doubleSigned: [] });
  });

  test("back and forth has none either, for every stay is a tenure of its own", () => {
    const there = [...run("a", 1, 5, { tenure: "a-1" }), ...run("b", 6, 7, { tenure: "b-1" })];
    const back = [...run("a", 8, 9, { tenure: "a-2" }), ...run("b", 10, 11, { tenure: "b-2" })];
    expect(report([...there, ...back], 11).overlapMs).toBe(0);
  });

  test("both signing: the heights are signed twice, the overlap is what they share", () => {
    const made = report([...run("a", 1, 12), ...run("b", 10, 20)], 20);
    expect(made.doubleSigned.map((one) => one.height)).toEqual([10, 11, 12]);
    expect(made.doubleSigned[0]).toMatchObject({ hosts: ["a", "b"], signatures: 2 });
    expect(made.overlapMs).toBe(1200);
    expect(made.overlaps).toMatchObject([{ hosts: ["a", "b"], ms: 1200 }]);
  });

  test("taking turns is an overlap although no height is signed twice", () => {
    const turns = [1, 2, 3, 4, 5, 6].map((height) => signed(height % 2 === 1 ? "a" : "b", height));
    expect(report(turns, 6)).toMatchObject({ doubleSigned: [], overlapMs: at(5) - at(2) });
  });

  test("one late signature of the old host: from the new one's first to it, and its height is signed twice", () => {
    const stray = signed("a", 11, { arrivedMs: at(15) });
    const made = report([...run("a", 1, 10), ...run("b", 11, 20), stray], 20);
    expect(made.overlapMs).toBe(at(15) - (at(11) + 5));
    expect(made.doubleSigned).toMatchObject([{ height: 11, hosts: ["b", "a"], signatures: 2 }]);
  });

  test("a shared moment counts as a millisecond", () => {
    const same = at(10) + 5;
    expect(report([...run("a", 1, 10), ...run("b", 10, 10, { arrivedMs: same })], 10).overlapMs).toBe(1);
  });

  test("three hosts at once are not counted twice", () => {
    const made = report([...run("a", 1, 12), ...run("b", 10, 20), ...run("c", 10, 12)], 20);
    expect(made.overlaps).toHaveLength(3);
    expect(made.overlapMs).toBe(1200);
  });

  test("different keys on two hosts do not overlap", () => {
    expect(report([...run("a", 1, 10), ...run("b", 1, 10, { key: "ed25519:other" })], 10).overlapMs).toBe(0);
  });
});

test("one host that signs a height twice, as after a restart, has signed it twice", () => {
  const again = signed("a", 5, { tenure: "a-2", arrivedMs: at(5) + 300 });
  expect(report([...run("a", 1, 10), again], 10)).toMatchObject({
    doubleSigned: [{ height: 5, hosts: ["a"], signatures: 2 }],
    overlapMs: 0,
  });
});

test("tallies go by host and by key", () => {
  const made = report([...run("a", 1, 10), ...run("b", 11, 20)], 20);
  expect(made.byHost).toMatchObject({
    a: { signatures: 10, fromHeight: 1, toHeight: 10 },
    b: { signatures: 10, fromHeight: 11, toHeight: 20, late: 0 },
  });
  const { blocks, endorsements } = made.byKey["ed25519:ours"] ?? { blocks: 0, endorsements: 0 };
  expect({ blocks, endorsements }).toEqual({
    blocks: ourHeights(1, 20).length,
    endorsements: 20 - ourHeights(1, 20).length,
  });
});

describe("take-overs", () => {
  const keyMs = at(10) + 100;
  const signatures = [...run("a", 1, 5), ...run("b", 11, 60)];
  const heard = (from: number) =>
    judged(
      timeline(signatures, 60, (height) => height > 5 && height < from, [keyOn("b", keyMs)]),
      60,
    );
  const [lastBlock = 0] = ourHeights(1, 5).toReversed();
  const seconds = (ms: number) => Math.round(ms) / 1000;

  test("count from the old host's last accepted block to the key, and from there to the new one's first", () => {
    const [first = 0] = ourHeights(30, 60);
    expect(heard(30).takeovers).toEqual([
      {
        from: "a",
        to: "b",
        at: new Date(keyMs).toISOString(),
        keySeconds: seconds(keyMs - (at(lastBlock) + 5)),
        firstAcceptedSeconds: seconds(at(first) + 5 - keyMs),
      },
    ]);
  });

  test("without an accepted block are not over", () => {
    expect(heard(99).takeovers).toMatchObject([{ from: "a", to: "b", firstAcceptedSeconds: null }]);
  });

  test("whose key was not announced count from the first signature", () => {
    expect(report(signatures, 60).takeovers).toMatchObject([{ at: new Date(at(11) + 5).toISOString() }]);
  });

  test("back and forth are two, each with its own first block; a restart on one host is none", () => {
    const back = run("a", 31, 60, { tenure: "a-2" });
    const again = run("a", 61, 80, { tenure: "a-3" });
    const made = report([...run("a", 1, 5), ...run("b", 11, 30), ...back, ...again], 80);
    expect(made.takeovers).toMatchObject([
      { from: "a", to: "b", firstAcceptedSeconds: seconds(at(ourHeights(11, 30)[0] ?? 0) - at(11)) },
      { from: "b", to: "a", firstAcceptedSeconds: seconds(at(ourHeights(31, 60)[0] ?? 0) - at(31)) },
    ]);
  });
});

describe("the chain's pace", () => {
  test("is unknown before ten seconds are over", () => {
    expect(report(run("a", 1, 16), 16).pace).toEqual({ medianPer10s: null, slowestPer10s: null });
  });

  test("counts every validator's blocks in any ten seconds: 17 slots begin in them", () => {
    expect(report(run("a", 1, 60), 60).pace).toEqual({ medianPer10s: 17, slowestPer10s: 17 });
    const from = 30;
    const slow = report([...run("a", 1, from), ...run("a", from + 30, 200)], 200);
    const missed = Math.max(
      ...Array.from({ length: 15 }, (_, i) => ourHeights(from + 1 + i, from + Math.min(29, i + 17)).length),
    );
    expect(slow.pace).toEqual({ medianPer10s: 17, slowestPer10s: 17 - missed });
  });
});

test("refused tier-1 connections are counted since the report's beginning", () => {
  const refused = (atMs: number): WitnessEvent => ({
    type: "already-connected",
    host: "b",
    address: "b",
    account,
    peer: "node1.localnet",
    atMs,
  });
  const events = timeline(run("a", 1, 40), 40, undefined, [refused(at(5)), refused(at(30)), refused(at(35))]);
  expect(judged(events, 40, { fromHeight: 20, fromMs: at(20) }).alreadyConnected).toBe(2);
});

test("an empty report is a report", () => {
  expect(report([], 0)).toMatchObject({ slots: 0, toHeight: 0, current: null, overlapMs: 0 });
});
