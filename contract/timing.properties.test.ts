/**
 * The timing rule in the terms of what it is for: for every timing that is accepted, no row of renewals,
 * however it is delayed, lost or seen late, lets two hosts sign at once; whatever could is refused.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anySafeTiming } from "../infra/testing/arbitrary.ts";
import { type LeaseTiming, timingFaults } from "./timing.ts";

/** Clocks run up to 2 % apart: each up to 1 % off; and they are read 10 ms coarse, rounded down. */
const rates = fc.constantFrom(0.99, 0.995, 1, 1.005, 1.01);
const coarseMs = 10;
/** What the agent forgives a feed (agent/fence/fence.ts), as its clock shows it: then the wall clock alone shuts sooner. */
const lateMs = 110;

/** One renewal. Times are true ones, in milliseconds; null: it was lost there. */
interface Renewal {
  readonly afterMs: number;
  /** From sending to Consul's commit. */
  readonly commitMs: number | null;
  /** From the commit to the standby's seeing it. */
  readonly seenMs: number;
}

const delay = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 20_000 }));
const renewals: fc.Arbitrary<Renewal[]> = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.constant(1000), fc.integer({ min: 0, max: 15_000 })),
    commitMs: fc.option(delay, { freq: 4 }),
    seenMs: delay,
  }),
  { minLength: 1, maxLength: 12 },
);

/** Until when the holder can be heard, and when the standby takes over. */
function outcome(t: LeaseTiming, row: readonly Renewal[], holderRate: number, standbyRate: number) {
  let sentMs = 0;
  const committed: { sentMs: number; atMs: number; seenMs: number }[] = [];
  for (const { afterMs, commitMs, seenMs } of row) {
    sentMs += afterMs;
    if (commitMs !== null) committed.push({ sentMs, atMs: sentMs + commitMs, seenMs: sentMs + commitMs + seenMs });
  }
  committed.sort((a, b) => a.atMs - b.atMs);
  // The standby takes over when it has seen the last change, waited for W on its clock, and the index is still that:
  // Consul refuses it if a renewal came first, be it in the same millisecond.
  const waits = committed.map(({ seenMs }) => seenMs + (t.takeoverMs - coarseMs) / standbyRate);
  const first = waits.findIndex((atMs, i) => atMs < (committed[i + 1]?.atMs ?? Number.POSITIVE_INFINITY));
  const takesOverMs = waits[first] ?? Number.POSITIVE_INFINITY;
  // All of those answers arrive in time for the holder, which is the worst that they can do.
  const leases = committed.filter(({ atMs }) => atMs <= takesOverMs);
  const heardUntilMs = Math.max(
    ...leases.map(({ sentMs: ms }) => ms + (t.leaseMs + coarseMs) / holderRate + lateMs + t.stopMs),
    Number.NEGATIVE_INFINITY,
  );
  return { heardUntilMs, takesOverMs };
}

test("whatever is accepted: no interleaving of renewals, answers and take-over lets two hosts sign at once", () => {
  fc.assert(
    fc.property(anySafeTiming, renewals, rates, rates, (t, row, holderRate, standbyRate) => {
      const { heardUntilMs, takesOverMs } = outcome(t, row, holderRate, standbyRate);
      expect(heardUntilMs).toBeLessThanOrEqual(takesOverMs);
    }),
    { numRuns: 3000 },
  );
});

const anyTiming: fc.Arbitrary<LeaseTiming> = fc.record({
  renewMs: fc.integer({ min: 1, max: 8000 }),
  leaseMs: fc.integer({ min: 1, max: 30_000 }),
  stopMs: fc.integer({ min: 0, max: 10_000 }),
  skewMs: fc.integer({ min: 1, max: 5000 }),
  takeoverMs: fc.integer({ min: 1, max: 40_000 }),
  unbrokenMs: fc.integer({ min: 1, max: 40_000 }),
  sessionTtlMs: fc.integer({ min: 1, max: 100_000 }),
  lockDelayMs: fc.integer({ min: 1, max: 70_000 }),
});

/** The settings that a sentence names, with the numbers that it gives for them. */
function named(sentence: string): Map<string, number> {
  return new Map([...sentence.matchAll(/([a-zA-Z]+Ms) (\d+)/g)].map(([, name = "", ms]) => [name, Number(ms)]));
}

describe("whatever breaks the rule", () => {
  test("is refused when one row of renewals could overlap, and the sentence names the wait or the allowance", () => {
    const atOnce: Renewal[] = [{ afterMs: 0, commitMs: 0, seenMs: 0 }];
    fc.assert(
      fc.property(anyTiming, (t) => {
        const { heardUntilMs, takesOverMs } = outcome(t, atOnce, 0.99, 1.01);
        fc.pre(heardUntilMs > takesOverMs);
        expect(timingFaults(t).some((fault) => /takeoverMs|skewMs/.test(fault))).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test.for([
    ["takeoverMs", (t: LeaseTiming) => t.leaseMs + t.stopMs + t.skewMs - 1],
    ["lockDelayMs", (t: LeaseTiming) => t.takeoverMs - 1],
    ["skewMs", (t: LeaseTiming) => Math.ceil(t.takeoverMs * 0.02) + 149],
    ["unbrokenMs", (t: LeaseTiming) => t.takeoverMs],
    ["unbrokenMs", () => 2999],
    ["renewMs", (t: LeaseTiming) => Math.floor(t.leaseMs / 4) + 1],
    ["sessionTtlMs", (t: LeaseTiming) => t.leaseMs],
  ] as const)("a %s that is one millisecond off is named, with its value", ([setting, broken]) => {
    fc.assert(
      fc.property(anySafeTiming, (t) => {
        const unsafe = { ...t, [setting]: broken(t) };
        expect(timingFaults(unsafe).map((fault) => named(fault).get(setting))).toContain(unsafe[setting]);
      }),
    );
  });

  test("every sentence gives the value of every setting that it names", () => {
    fc.assert(
      fc.property(anyTiming, (t) => {
        for (const fault of timingFaults(t)) {
          expect(named(fault).size).toBeGreaterThan(0);
          for (const [name, ms] of named(fault)) expect(t[name as keyof LeaseTiming]).toBe(ms);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
