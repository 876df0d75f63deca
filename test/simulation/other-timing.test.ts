/**
 * Two hosts with different timings, each of them safe by itself: an apply of another one is under way, or was
 * cut short, or did not reach a host. The holder has the longer lease, and is cut off; without what it says of its
 * lease in the lock the standby would go by its own settings, and take over while the holder still signs.
 */
import { expect, test } from "vitest";
import { defaultTiming, timingFaults } from "../../contract/timing.ts";
import { type Storm, shapeFrom } from "./schedule.ts";
import { replay } from "./simulate.ts";

const longer = { ...defaultTiming, leaseMs: 15_000, takeoverMs: 16_000, lockDelayMs: 16_000, sessionTtlMs: 20_000 };

/** host-a, who is the first, goes for a while; then host-b holds, with the longer lease, and is cut off. */
const storm: Storm = {
  lastsMs: 80_000,
  faults: [
    { atMs: 0, kind: "power-off", on: 0, forMs: 25_000 },
    { atMs: 45_000, kind: "cut", on: 1, forMs: 30_000, how: "both ways" },
  ],
};

test("a standby waits for the end of a lease that is longer than its own settings make one", {
  timeout: 60_000,
}, async () => {
  expect(timingFaults(longer)).toEqual([]);
  for (let seed = 1; seed <= 10; seed += 1) {
    const shape = { ...shapeFrom(seed), neardHosts: 2, lease: longer, leases: [defaultTiming, longer] } as const;
    const report = await replay({ shape, storms: [storm] });
    expect(report.violations, `seed ${seed}`).toEqual([]);
    expect(report.takeOvers, "the key must have moved, or it shows nothing").toBeGreaterThan(2);
  }
});
