/**
 * Faults that chance seldom brings together: a snapshot is restored while a standby looks away, and brings back
 * the very record of the lock that the standby saw last; the holder has renewed meanwhile, and still signs.
 * Without the rule of the unbroken watch the standby would go on counting where it was, and take over too soon.
 */
import { expect, test } from "vitest";
import { type Storm, shapeFrom } from "./schedule.ts";
import { replay } from "./simulate.ts";

const storm: Storm = {
  lastsMs: 25_000,
  faults: [
    { atMs: 0, kind: "save-snapshot" },
    { atMs: 1, kind: "cut", on: "standby", forMs: 6400, how: "both ways" },
    { atMs: 6402, kind: "pause-agent", on: "holder", forMs: 15_000 },
    { atMs: 6403, kind: "restore-snapshot", amount: 0 },
  ],
};

// With each seed the watch is interrupted at another point, and Consul has another leader. No watchdog: the holder stays away.
const seeds = Array.from({ length: 10 }, (_, i) => i + 1);

test("a restored record that looks like the one seen last does not shorten the wait", { timeout: 60_000 }, async () => {
  let moved = 0;
  for (const seed of seeds) {
    const report = await replay({ shape: { ...shapeFrom(seed), neardHosts: 2, hasWatchdog: false }, storms: [storm] });
    expect(report.violations, `seed ${seed}`).toEqual([]);
    if (report.takeOvers > 1) moved += 1;
  }
  expect(moved, "the key must have moved, or it shows nothing").toBeGreaterThan(seeds.length / 2);
});
