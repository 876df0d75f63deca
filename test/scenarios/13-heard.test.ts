/**
 * Promise `heard`: what the validator signs after a take-over gets into the chain. Signing is not enough:
 * the other validators keep one connection per account key, and one that the old host left half open
 * swallows their approvals for minutes (lab/chain/routes.ts). So these count from the key on the new host
 * to its first accepted block.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { genesisSchema } from "../../lab/chain/genesis.ts";
import type { Report } from "../../lab/chain/report.ts";
import { heightAt, producerAt } from "../../lab/chain/schedule.ts";
import { healAll, injectFault } from "../../lab/faults/engine.ts";
import { expectOneSigner, freshAndWatched, healthy, holdfast, lab, type Roles, until, witness } from "./cluster.ts";

/** From the key on the new host to its first block in the chain. */
const heardWithinSeconds = 8;
/** How long the scenario looks: far longer than the bound, so that a failure says by how much. */
const lookForMs = 60_000;
/** A holder that was cut off: the lease ends, the standby has waited, and the key is loaded. */
const takeoverSeconds = 7.5;

/**
 * Waits for a moment after which our turns come soon: a block can be accepted only at a height of ours, and
 * the draw sometimes leaves us out for longer than the bound.
 */
async function whenTurnsAreNear(fromSeconds: number): Promise<void> {
  const genesis = genesisSchema.parse(JSON.parse(readFileSync(lab().chain?.genesisFile ?? "", "utf8")));
  const turnsIn = (fromMs: number, toMs: number) => {
    let turns = 0;
    for (let height = heightAt(genesis, fromMs) + 1; height <= heightAt(genesis, toMs); height++)
      if (producerAt(genesis, height) === genesis.account) turns++;
    return turns;
  };
  await until("turns of ours that are near", 60_000, async () => {
    const keyMs = Date.now() + 1000 * fromSeconds;
    // Once early and late: the key comes a little sooner or later than thought.
    return turnsIn(keyMs + 1000, keyMs + 4000) > 0 && turnsIn(keyMs + 3000, keyMs + 6000) > 0;
  });
}

/** The take-over that was asked for, once its first block is accepted, or as it is after `lookForMs`. */
async function takeover({ active, standby }: Roles): Promise<Report["takeovers"][number]> {
  for (const endMs = performance.now() + lookForMs; ; await sleep(500)) {
    const last = (await witness()).takeovers.findLast(({ from, to }) => from === active && to === standby);
    if (last !== undefined && last.firstAcceptedSeconds !== null) return last;
    if (performance.now() > endMs)
      throw new Error(
        last === undefined
          ? `${standby} did not get the key within ${lookForMs / 1000} s`
          : `no block of ${standby} was accepted within ${lookForMs / 1000} s: ${JSON.stringify(await missed())}`,
      );
  }
}

async function missed() {
  const { produced, accepted, missed: blocks, endorsed, missedEndorsements, alreadyConnected } = await witness();
  return { produced, accepted, missed: blocks, endorsed, missedEndorsements, alreadyConnected };
}

async function expectHeard(roles: Roles): Promise<void> {
  const { keySeconds, firstAcceptedSeconds } = await takeover(roles);
  console.log(
    `key after ${keySeconds} s, first block ${firstAcceptedSeconds} s later, ${JSON.stringify(await missed())}`,
  );
  expect(firstAcceptedSeconds).toBeLessThanOrEqual(heardWithinSeconds);
}

test("after a planned switchover", { timeout: 300_000 }, async () => {
  const roles = await freshAndWatched();
  await whenTurnsAreNear(1);
  const { code, stdout, stderr } = await holdfast("switchover", "--yes", "--to", roles.standby);
  expect(code, stdout + stderr).toBe(0);
  await expectHeard(roles);
  await expectOneSigner();
  await healthy();
});

test("after the holder was cut off from Consul", { timeout: 300_000 }, async () => {
  const roles = await freshAndWatched();
  await whenTurnsAreNear(takeoverSeconds);
  await injectFault(lab(), "partition", roles.active, {});
  await expectHeard(roles);
  await expectOneSigner();
  await healAll(lab());
  await healthy();
});
