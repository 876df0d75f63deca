import { expect, test } from "vitest";
import { defaultTiming, timingFaults, waitMs } from "./timing.ts";

test("the defaults are safe", () => {
  expect(timingFaults(defaultTiming)).toEqual([]);
});

test("one millisecond too little is refused, with both numbers in the sentence", () => {
  const t = { ...defaultTiming, takeoverMs: defaultTiming.leaseMs + defaultTiming.stopMs + defaultTiming.skewMs - 1 };
  expect(timingFaults(t).join()).toContain("leaseMs 6500 + stopMs 0 + skewMs 500 = 7000 is above takeoverMs 6999");
  expect(timingFaults({ ...t, takeoverMs: t.takeoverMs + 1 })).toEqual([]);
});

test.for([
  [{ lockDelayMs: 6999 }, "above lockDelayMs"],
  [{ skewMs: 289, leaseMs: 6711 }, "skewMs 289 is below 290"],
  [{ unbrokenMs: 7000 }, "unbrokenMs 7000 is not below"],
  [{ unbrokenMs: 2999 }, "unbrokenMs 2999 is below 3000"],
  [{ renewMs: 2000 }, "above a quarter of leaseMs"],
  [{ sessionTtlMs: 9999 }, "below 10000"],
  [{ lockDelayMs: 60_001 }, "above 60000"],
] as const)("refuses %o", ([change, sentence]) => {
  expect(timingFaults({ ...defaultTiming, ...change }).join("; ")).toContain(sentence);
});

test("a standby waits for as long as the holder's own record says, where that is longer than its own settings say", () => {
  const { leaseMs, stopMs, takeoverMs } = defaultTiming;
  expect(waitMs(defaultTiming, 0)).toBe(takeoverMs);
  expect(waitMs(defaultTiming, leaseMs + stopMs)).toBe(takeoverMs);
  expect(waitMs(defaultTiming, 15_000)).toBe(15_500);
  // Beyond what skewMs has room for, 2 % of the longer wait and 150 ms.
  expect(waitMs(defaultTiming, 40_000)).toBe(40_970);
});
