/**
 * Promise `heard`: what the validator signs after a take-over gets into the chain. Signing is not enough:
 * the other validators keep one connection per account key, and one that the old host left half open
 * swallows their approvals for minutes (lab/chain/routes.ts). So these count from the key on the new host
 * to its first accepted block.
 */
import { expect, test } from "vitest";
import { healAll, injectFault } from "../../lab/faults/engine.ts";
import {
  expectOneSigner,
  freshAndWatched,
  healthy,
  heard,
  holdfast,
  hostOf,
  lab,
  newReport,
  on,
  type Roles,
  until,
  witness,
} from "./cluster.ts";
import { heardWithinSeconds, whenTurnsAreNear } from "./turns.ts";

/** How long the scenario looks: far longer than the bound, so that a failure says by how much. */
const lookForMs = 60_000;
/** Longer than a connection that a scenario before this one left half open lives. */
const heardBeforeMs = 200_000;

/** A holder that the chain hears, a standby that has watched it, and a new report. */
async function heardAndWatched(): Promise<Roles> {
  const roles = await freshAndWatched();
  await until(`${roles.active} to be heard`, heardBeforeMs, async () => (await witness()).accepted > 0);
  await newReport();
  return roles;
}

async function expectHeard(roles: Roles): Promise<void> {
  const { keySeconds, firstAcceptedSeconds } = await heard(roles, lookForMs);
  console.log(`key after ${keySeconds} s, first block ${firstAcceptedSeconds} s later`);
  expect(firstAcceptedSeconds).toBeLessThanOrEqual(heardWithinSeconds);
}

test("after a planned switchover", { timeout: 500_000 }, async () => {
  const roles = await heardAndWatched();
  await whenTurnsAreNear(0.5, 3);
  const { code, stdout, stderr } = await holdfast("switchover", "--yes", "--to", roles.standby);
  expect(code, stdout + stderr).toBe(0);
  await expectHeard(roles);
  await expectOneSigner();
  await healthy();
});

test("after the holder lost its power, and its successor answered for its address", { timeout: 500_000 }, async () => {
  const roles = await heardAndWatched();
  // The standby waits for the lease's end.
  await whenTurnsAreNear(7, 9);
  await injectFault(lab(), "poweroff", roles.active, {});
  await expectHeard(roles);
  const report = await expectOneSigner();
  // Given back by itself, so that the old host finds it free.
  await until(
    "the address to be free again",
    20_000,
    async () => !(await on(roles.standby, "ip -br address")).includes(hostOf(roles.active).address),
  );
  expect(report.takeovers.at(-1)?.to).toBe(roles.standby);
  await healAll(lab());
  await healthy();
});

test("after the holder was cut off from Consul", { timeout: 500_000 }, async () => {
  const roles = await heardAndWatched();
  // It lets go as soon as it knows; at the latest its lease ends, and the standby waits for that.
  await whenTurnsAreNear(1, 9);
  await injectFault(lab(), "partition", roles.active, {});
  await expectHeard(roles);
  await expectOneSigner();
  await healAll(lab());
  await healthy();
});
