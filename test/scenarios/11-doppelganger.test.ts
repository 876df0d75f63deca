/**
 * Promise `first-activation`: a cluster that never held its lock does not sign while somebody else does.
 * Here the lock is deleted from Consul, which is what the agents see of a new deployment.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { paths } from "../../contract/paths.ts";
import { consulKeys } from "../../contract/topology.ts";
import { askConsul } from "../nemesis/consul-admin.ts";
import {
  agentStatus,
  agentStatuses,
  expectOneSigner,
  fresh,
  healthy,
  holdfast,
  hostOf,
  lab,
  on,
  until,
  witness,
} from "./cluster.ts";
import { startForeignValidator } from "./foreign-validator.ts";

/** Longer than a standby waits for a holder that is gone: takeoverMs, and a take-over's own time. */
const refusedForMs = 10_000;
/** Silence to be proven, looks every 2 s, and the take-over itself. */
const goesOnWithinMs = 20_000;

test("refuses while another validator signs, and goes on by itself after", { timeout: 240_000 }, async () => {
  const { active, standby } = await fresh();
  const { lock } = consulKeys("localnet", lab().chain?.account ?? "");
  // Paused, so that no standby is faster than the other validator.
  expect((await holdfast("pause")).code).toBe(0);
  const deleted = await askConsul(lab(), hostOf("host-c"), "DELETE", `/kv/${lock}`);
  expect(deleted.status).toBe(200);
  await until("the holder to let go", 30_000, async () => (await agentStatus(active)).role === "standby");
  // Agents that saw the lock before know that it was deleted, restarted or not, and wait for a minute; those of a new
  // deployment did not see it.
  for (const host of [active, standby]) {
    await on(host, `test -e ${paths.doubtFile}`);
    await on(host, `rm ${paths.doubtFile} && systemctl restart holdfastd`);
  }
  const other = await startForeignValidator();
  try {
    await until("the other validator to sign", 30_000, async () => (await witness()).current?.host === other.name);
    expect((await holdfast("resume")).code).toBe(0);
    await until("a refusal", 20_000, async () => (await agentStatus(active)).guard?.state === "refusing");
    for (const endMs = performance.now() + refusedForMs; performance.now() < endMs; await sleep(1000))
      for (const status of Object.values(await agentStatuses()))
        expect(status?.role, status?.because).toMatch(/^(standby|arbiter)$/);
    const said = await holdfast("status");
    expect(said.code).toBe(4);
    expect(said.stdout).toContain("the account was seen producing elsewhere");
    expect(said.stdout).toContain("Stop the other validator");
  } finally {
    await other.stop();
    await holdfast("resume");
  }
  const startMs = performance.now();
  await until("a host to go on by itself", goesOnWithinMs, async () =>
    Object.values(await agentStatuses()).some((status) => status?.role === "active"),
  );
  console.log(`went on ${((performance.now() - startMs) / 1000).toFixed(1)} s after the other validator was killed`);
  await healthy();
  await expectOneSigner();
});
