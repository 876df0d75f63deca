import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultTiming, type LeaseTiming, timingFaults } from "./timing.ts";

const anyTiming: fc.Arbitrary<LeaseTiming> = fc.record({
  renewMs: fc.integer({ min: 100, max: 5000 }),
  leaseMs: fc.integer({ min: 1000, max: 30_000 }),
  stopMs: fc.integer({ min: 0, max: 10_000 }),
  skewMs: fc.integer({ min: 1, max: 5000 }),
  takeoverMs: fc.integer({ min: 1000, max: 40_000 }),
  unbrokenMs: fc.integer({ min: 500, max: 40_000 }),
  sessionTtlMs: fc.integer({ min: 5000, max: 100_000 }),
  lockDelayMs: fc.integer({ min: 1000, max: 70_000 }),
});

test("the defaults are safe", () => {
  expect(timingFaults(defaultTiming)).toEqual([]);
});

/**
 * The rule in the terms of what it is for: the holder's last renewal is sent at 0 and seen at `seenMs`;
 * both clocks run up to 1 % wrong, in the worst directions, and read 10 ms coarse.
 */
test("whatever is accepted keeps two holders apart", () => {
  fc.assert(
    fc.property(anyTiming, fc.integer({ min: 0, max: 60_000 }), (t, seenMs) => {
      fc.pre(timingFaults(t).length === 0);
      const heardUntilMs = t.leaseMs / 0.99 + 10 + t.stopMs;
      const takesOverMs = seenMs + t.takeoverMs / 1.01 - 10;
      expect(heardUntilMs).toBeLessThanOrEqual(takesOverMs);
    }),
    { numRuns: 5000 },
  );
});

test("one millisecond too little is refused, with both numbers in the sentence", () => {
  const t = { ...defaultTiming, takeoverMs: defaultTiming.leaseMs + defaultTiming.stopMs + defaultTiming.skewMs - 1 };
  expect(timingFaults(t).join()).toContain("leaseMs 6500 + stopMs 0 + skewMs 500 = 7000 is above takeoverMs 6999");
  expect(timingFaults({ ...t, takeoverMs: t.takeoverMs + 1 })).toEqual([]);
});

test.for([
  [{ lockDelayMs: 6999 }, "above lockDelayMs"],
  [{ skewMs: 100 }, "skewMs 100 is below"],
  [{ unbrokenMs: 7000 }, "unbrokenMs 7000 is not below"],
  [{ renewMs: 2000 }, "above a quarter of leaseMs"],
  [{ sessionTtlMs: 9999 }, "below 10000"],
  [{ lockDelayMs: 60_001 }, "above 60000"],
] as const)("refuses %o", ([change, sentence]) => {
  expect(timingFaults({ ...defaultTiming, ...change }).join("; ")).toContain(sentence);
});
