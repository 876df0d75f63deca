/** The simulation is worth something only if it can fail: clusters that break the rules on purpose. */
import { describe, expect, test } from "vitest";
import { defaultTiming, type LeaseTiming } from "../../contract/timing.ts";
import type { ClusterShape } from "./cluster.ts";
import { type Schedule, shapeFrom, stormFrom } from "./schedule.ts";
import { shrink } from "./shrink.ts";
import { type RunReport, replay, simulate } from "./simulate.ts";

/** Only seeds without fencing: it would keep some of these from signing, and is shown by itself (power.test.ts). */
async function firstFailure(shape: Partial<ClusterShape>): Promise<RunReport | null> {
  for (let seed = 2; seed <= 60; seed += 2) {
    const report = await simulate(seed, 0.5, { shape });
    if (report.violation !== null) return report;
  }
  return null;
}

/** A standby waits for as long as the holder says that it can be heard: so the holder must say too little, too. */
const tooSoon = (takeoverMs: number): LeaseTiming => {
  const { leaseMs, skewMs } = defaultTiming;
  return { ...defaultTiming, takeoverMs, stopMs: takeoverMs - skewMs - leaseMs, unbrokenMs: takeoverMs - 500 };
};

describe("a cluster that breaks the timing rule is caught", { timeout: 120_000 }, () => {
  test.for([
    ["a take-over two seconds too soon", { lease: tooSoon(4500) }],
    ["clocks that run 20 % apart", { rates: [0.9, 1.1, 1.1] }],
  ] as const)("%s", async ([, shape]) => {
    expect((await firstFailure(shape))?.violation?.promise).toBe("one-signer");
  });
});

test("what failed is cut down to a few faults, which fail again", { timeout: 120_000 }, async () => {
  const report = await firstFailure({ lease: tooSoon(3000) });
  if (report === null) throw new Error("nothing to cut down");
  const { schedule, violation } = await shrink(report.schedule);
  const faults = schedule.storms.flatMap((storm) => storm.faults);
  expect(faults.length).toBeLessThanOrEqual(3);
  // A take-over that comes too soon breaks one of the two, as the faults fall.
  expect(["one-signer", "epochs-grow"]).toContain(violation.promise);
  expect((await replay(JSON.parse(JSON.stringify(schedule)))).violation?.promise).toBe(violation.promise);
});

test("the same seed is the same run", { timeout: 60_000 }, async () => {
  const lines = [[], []] as [string[], string[]];
  for (const each of lines) await simulate(7, 0.05, { trace: (line) => each.push(line) });
  expect(lines[0].length).toBeGreaterThan(50);
  expect(lines[1]).toEqual(lines[0]);
  expect(stormFrom(7, 3)).toEqual(stormFrom(7, 3));
});

/**
 * docs/guarantees.md, "not promised": the standby's answers stop, within unbrokenMs a snapshot that was
 * saved in that very moment is restored, and the holder stands still. To the standby nothing happened.
 */
test("a snapshot saved and restored within a stall of the watch is beyond any bound of it", {
  timeout: 60_000,
}, async () => {
  const { fencing: _, ...without } = shapeFrom(1);
  const shape: ClusterShape = { ...without, neardHosts: 2, hasWatchdog: false, rates: [1, 1, 1] };
  const schedule: Schedule = {
    shape,
    storms: [
      {
        lastsMs: 20_000,
        faults: [
          { atMs: 5000, kind: "save-snapshot" },
          { atMs: 5001, kind: "cut", on: "standby", how: "in", forMs: 3000 },
          { atMs: 7800, kind: "pause-agent", on: "holder", forMs: 9000 },
          { atMs: 7850, kind: "restore-snapshot", amount: 0, how: "unpromised" },
        ],
      },
    ],
  };
  const { violation } = await replay(schedule);
  expect(violation?.promise).toBe("one-signer");
});
