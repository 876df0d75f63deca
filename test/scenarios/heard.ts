/**
 * Promise `heard`: what the validator signs after a take-over gets into the chain. Signing is not enough: the other
 * validators keep one connection per account key, and one that the old host left half open swallows their approvals for
 * minutes (lab/chain/routes.ts). So this counts from the key on the new host to its first accepted block.
 */
import { expect } from "vitest";
import { freshAndWatched, heard, newReport, type Roles, until, witness } from "./cluster.ts";
import { heardWithinSeconds, whenTurnsAreNear } from "./turns.ts";

/** How long is looked: far longer than the bound, so that a failure says by how much. */
const lookForMs = 60_000;
/** Longer than a connection that a scenario before this one left half open lives. */
const heardBeforeMs = 200_000;

/**
 * A holder that the chain hears, a standby that has watched it, and a new report, at a moment after which turns of ours
 * are near when the key arrives between these two times from now, in seconds.
 */
export async function heardAndWatched(keyComesWithin: readonly [number, number]): Promise<Roles> {
  const roles = await freshAndWatched();
  await until(`${roles.active} to be heard`, heardBeforeMs, async () => (await witness()).accepted > 0);
  await newReport();
  await whenTurnsAreNear(...keyComesWithin);
  return roles;
}

export async function expectHeard(roles: Roles): Promise<void> {
  const { keySeconds, firstAcceptedSeconds } = await heard(roles, lookForMs);
  console.log(`key after ${keySeconds} s, first block ${firstAcceptedSeconds} s later`);
  expect(firstAcceptedSeconds).toBeLessThanOrEqual(heardWithinSeconds);
}
