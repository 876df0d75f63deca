import { expect, test } from "vitest";
import { defaultTiming, timingFaults } from "./timing.ts";

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
  [{ skewMs: 100 }, "skewMs 100 is below"],
  [{ unbrokenMs: 7000 }, "unbrokenMs 7000 is not below"],
  [{ renewMs: 2000 }, "above a quarter of leaseMs"],
  [{ sessionTtlMs: 9999 }, "below 10000"],
  [{ lockDelayMs: 60_001 }, "above 60000"],
] as const)("refuses %o", ([change, sentence]) => {
  expect(timingFaults({ ...defaultTiming, ...change }).join("; ")).toContain(sentence);
});
