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

function over(height: number): WitnessEvent {
  return { type: "slot", height, startMs: at(height), producer: producerAt(genesis, height), produced: true };
}

/** All events in order of arrival, with every height up to `lastHeight` over. */
function timeline(signatures: SignatureEvent[], lastHeight: number): WitnessEvent[] {
  const slots = Array.from({ length: lastHeight }, (_, i) => over(i + 1));
  const when = (event: WitnessEvent) =>
    event.type === "slot" ? at(event.height + 1) : event.type === "signature" ? event.arrivedMs : event.atMs;
  return [...slots, ...signatures].sort((a, b) => when(a) - when(b));
}

function run(host: string, from: number, to: number, more: Partial<SignatureEvent> = {}): SignatureEvent[] {
  return Array.from({ length: to - from + 1 }, (_, i) => signed(host, from + i, more));
}

function report(signatures: SignatureEvent[], lastHeight: number, scope: Partial<ReportScope> = {}) {
  const made = makeReport(timeline(signatures, lastHeight), {
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
    const { slots, produced, missed, endorsed, missedEndorsements, gaps, current } = report(run("a", 1, 40), 40);
    const blocks = ourHeights(1, 40).length;
    expect({ slots, produced, missed, endorsed, missedEndorsements }).toEqual({
      slots: 40,
      produced: blocks,
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

  test("a signature after its slot is late: its block is missed and its silence stays a gap", () => {
    const [block = 0] = ourHeights(5, 40);
    const late = signed("a", block, { arrivedMs: at(block + 1) + 1 });
    const made = report([...run("a", 1, block - 1), late, ...run("a", block + 2, 40)], 40);
    expect(made.late).toBe(1);
    expect(made.missedHeights).toContain(block);
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

test("an empty report is a report", () => {
  expect(report([], 0)).toMatchObject({ slots: 0, toHeight: 0, current: null, overlapMs: 0 });
});
