/**
 * Promise `heard`: what the validator signs after a take-over gets into the chain. Signing is not enough:
 * the other validators keep one connection per account key, and one that the old host left half open
 * swallows their approvals for minutes (lab/chain/routes.ts). So these count from the key on the new host
 * to its first accepted block.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { genesisSchema } from "../../lab/chain/genesis.ts";
import { heightAt, producerAt } from "../../lab/chain/schedule.ts";
import { healAll, injectFault } from "../../lab/faults/engine.ts";
import { expectOneSigner, freshAndWatched, healthy, heard, holdfast, lab, type Roles, until } from "./cluster.ts";

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

async function expectHeard(roles: Roles): Promise<void> {
  const { keySeconds, firstAcceptedSeconds } = await heard(roles, lookForMs);
  console.log(`key after ${keySeconds} s, first block ${firstAcceptedSeconds} s later`);
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
