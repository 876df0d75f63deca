/**
 * An account whose key changes with every NEAR epoch, and hosts that have both: with no fault at all no neard ends, and
 * nothing but a few blocks around each change is lost. What faults make of it, every fourth seed shows (schedule.ts).
 */
import { expect, test } from "vitest";
import { nextKeyFault } from "../../agent/role/keys.ts";
import { Cluster } from "./cluster.ts";
import { shapeFrom } from "./schedule.ts";

const runMs = 20 * 60_000;
const epochMs = 150_000;

test("the holder's neard goes over from key to key, and never ends", { timeout: 60_000 }, async () => {
  const cluster = new Cluster({ ...shapeFrom(2), neardHosts: 2, rates: [1, 1, 1] }, null);
  const { timeline, witness } = cluster;
  // One that is lost can be a second too many: the old key is taken away only three blocks before it ends neard.
  for (const { neard } of cluster.hosts) neard.troubles.lostReloads = 0;
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

test("a key that the hosts were not given ends one neard in its NEAR epoch, not one after the other", {
  timeout: 60_000,
}, async () => {
  const shape = { ...shapeFrom(2), neardHosts: 3, rates: [1, 1, 1], isNextKeyMissing: true } as const;
  const cluster = new Cluster(shape, null);
  const { timeline, witness } = cluster;
  await timeline.run(epochMs - 20_000, () => false);
  const { holder } = cluster;
  expect(holder).not.toBeNull();
  const standby = cluster.neardHosts.find((host) => host !== holder);
  const told = (host: typeof holder | undefined) =>
    host?.agent == null ? null : nextKeyFault(host.settings, host.agent.state, host.clock.bootMs());
  expect([told(holder), told(standby)], "holder and standby name it before").toEqual([
    expect.stringContaining("from the next NEAR epoch on the chain has ed25519:simulated-next"),
    expect.stringContaining("from the next NEAR epoch on the chain has ed25519:simulated-next"),
  ]);

  await timeline.run(2 * epochMs - 10_000, () => false);
  expect(cluster.neardHosts.reduce((sum, { neard }) => sum + neard.wrongKeys, 0)).toBe(1);
  expect(standby?.agent?.state.because).toContain("its key does not count");

  await timeline.run(2 * epochMs + 60_000, () => false);
  expect(
    witness.steadyMs,
    "with the next NEAR epoch, in which the old key counts again, somebody signs",
  ).toBeGreaterThan(10_000);
  expect(witness.violation).toBeNull();
});
