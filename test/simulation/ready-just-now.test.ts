/**
 * `holdfast status` asks each host itself, and shows a standby as ready a moment before the holder has read so in
 * Consul. Who then asks for a switchover must not be refused.
 */
import { expect, test } from "vitest";
import { notReady } from "../../agent/role/readiness.ts";
import { Cluster } from "./cluster.ts";
import type { Host } from "./host.ts";
import { shapeFrom } from "./schedule.ts";

const isReady = ({ agent, settings, clock }: Host): boolean =>
  agent != null && notReady(settings, agent.state, clock.bootMs()) === null;

/** A settled cluster whose only standby has just stopped being ready. */
async function standbyWithoutNeard(seed: number): Promise<{ cluster: Cluster; holder: Host; standby: Host }> {
  const cluster = new Cluster({ ...shapeFrom(seed), neardHosts: 2, rates: [1, 1, 1] }, null);
  const { timeline } = cluster;
  await timeline.run(60_000 + 137 * seed, () => false);
  const { holder } = cluster;
  const standby = cluster.neardHosts.find((host) => host !== holder);
  if (holder === null || standby === undefined) throw new Error("the cluster has not settled");
  standby.neard.kill(() => {});
  await timeline.run(timeline.nowMs + 5000, () => !isReady(standby));
  return { cluster, holder, standby };
}

const seeds = Array.from({ length: 20 }, (_, i) => i + 1);

test("a switchover is taken on as soon as the standby calls itself ready", { timeout: 60_000 }, async () => {
  const refusals: string[] = [];
  for (const seed of seeds) {
    const { cluster, holder, standby } = await standbyWithoutNeard(seed);
    const { timeline } = cluster;
    // Long enough for the holder to have read that the standby is not.
    await timeline.run(timeline.nowMs + 10_000, () => isReady(standby));
    expect(isReady(standby), `seed ${seed}`).toBe(true);
    const asked = holder.agent?.switchover({ to: standby.name, window: false });
    await timeline.run(timeline.nowMs + 3000, () => false);
    const answer = await asked;
    if (answer === undefined || "refused" in answer) refusals.push(`seed ${seed}: ${answer?.refused}`);
  }
  expect(refusals).toEqual([]);
});

test("a standby that stays unready is refused within two seconds, and said why", { timeout: 60_000 }, async () => {
  const { cluster, holder, standby } = await standbyWithoutNeard(1);
  const { timeline } = cluster;
  standby.neard.troubles.slowness = 100;
  standby.neard.kill(() => {});
  await timeline.run(timeline.nowMs + 8000, () => false);
  let answer: object | undefined;
  const askedMs = timeline.nowMs;
  void holder.agent?.switchover({ to: standby.name, window: false }).then((said) => {
    answer = said;
  });
  await timeline.run(askedMs + 5000, () => answer !== undefined);
  expect(timeline.nowMs - askedMs).toBeLessThan(2000);
  expect(answer).toMatchObject({ refused: expect.stringMatching(/^no standby is ready \(host-.: neard/) });
});
