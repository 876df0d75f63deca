/**
 * An account whose key changes with every NEAR epoch, and hosts that have both: with no fault at all no neard ends, and
 * nothing but a few blocks around each change is lost. What faults make of it, every fourth seed shows (schedule.ts).
 */
import { expect, test } from "vitest";
import { Cluster } from "./cluster.ts";
import { shapeFrom } from "./schedule.ts";

const runMs = 20 * 60_000;

test("the holder's neard goes over from key to key, and never ends", { timeout: 60_000 }, async () => {
  const cluster = new Cluster({ ...shapeFrom(2), neardHosts: 2, rates: [1, 1, 1] }, null);
  const { timeline, witness } = cluster;
  await timeline.run(20_000, () => witness.steadyMs > 2000);
  const { holder } = cluster;
  const process = holder?.agent?.state.probe?.process;
  const beganMs = timeline.nowMs;
  const signedMs = witness.signedMs;
  await timeline.run(beganMs + runMs, () => witness.violation !== null);

  expect(witness.violation).toBeNull();
  expect(cluster.holder).toBe(holder);
  expect(holder?.agent?.state.probe?.process).toBe(process);
  expect(cluster.neardHosts.map(({ neard }) => neard.wrongKeys)).toEqual([0, 0]);
  const { nearEpoch, key } = cluster.nearKeys.at(timeline.nowMs);
  expect(nearEpoch, "the key has changed several times, or this shows nothing").toBeGreaterThanOrEqual(8);
  expect(holder?.agent?.state.probe?.validatorKey).toBe(key);
  // Eight changes of at most six seconds each, at a block a second.
  expect(runMs - (witness.signedMs - signedMs)).toBeLessThan(8 * 6000);
});
