/**
 * Takes a concern off the host: what its spec made goes, in the opposite direction. A concern that nothing
 * is known of is gone already. With the last concern everything of ours goes, holdfastd included.
 *
 * Awkward case: the holder. Its agent gives the key away if a standby is ready, and whether or not one is,
 * no neard that has the key is left behind when the agent is gone: without the agent nobody would feed
 * the fence, and without the fence nobody would stop that neard.
 */

import { lstat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError, plainReason } from "../contract/errors.ts";
import { fenceTable, firewallTable, paths, standInTable, units, users } from "../contract/paths.ts";
import { consulKeys } from "../contract/topology.ts";
import { type Concern, concerns } from "../contract/wire/host-spec.ts";
import { ConsulClient } from "../host/consul/client.ts";
import { AgentSocket } from "../host/socket-client.ts";
import { hasTable } from "../host/system/nft-table.ts";
import { readAccounts } from "./accounts.ts";
import { readConsulAccess } from "./consul-access.ts";
import type { Change } from "./converge.ts";
import { readDeployedConfig } from "./deployed-config.ts";
import { readIdentity } from "./identity.ts";
import { leaveConsul } from "./leave-consul.ts";
import { removeTree } from "./mounts.ts";
import { perform } from "./perform.ts";
import { planSteps } from "./plan-steps.ts";
import { type Progress, unhurried, whileWaiting } from "./progress.ts";
import { readFacts } from "./read-facts.ts";
import { runCommand } from "./run-command.ts";
import { emptySpec } from "./spec.ts";
import type { SpecStore } from "./spec-store.ts";
import { subject } from "./steps.ts";
import { readUnits, unitJob } from "./systemd.ts";

const stepTimeoutMs = 150_000;
/** A switchover takes a second or two; a cluster that is being destroyed has nobody to switch to. */
const handOverWithinMs = 30_000;

export interface RemoveContext {
  readonly host: string;
  readonly store: SpecStore;
  readonly progress: Progress;
  /** Called after each change. */
  done(change: Change): void;
}

/** Everything of ours that is here, in the opposite order of a deployment. */
export async function removeAll(context: RemoveContext): Promise<void> {
  for (const concern of concerns.toReversed()) await removeConcern(concern, context);
}

export async function removeConcern(concern: Concern, context: RemoveContext): Promise<void> {
  const { store } = context;
  // All others stand on it. One that is still here failed when it was made, so that its stack knows nothing of it.
  if (concern === "system")
    for (const left of (await store.known()).toReversed()) if (left !== "system") await removeConcern(left, context);
  if ((await store.known()).includes(concern)) {
    const isRoleLost = concern === "neard" && (await hasArbitersAgent(store));
    if (concern === "agent") await stopAgent(context);
    if (isRoleLost) await endKey(context);
    if (concern === "consul") await leaveConsul(context, null);
    await removeSteps(concern, context);
    if (concern === "agent" || isRoleLost) {
      await removeTable(fenceTable, context);
      await removeTable(standInTable, context);
    }
    if (concern === "system") await removeTable(firewallTable, context);
    await store.forget(concern);
  }
  if ((await store.known()).length === 0) await sweep(context);
}

async function removeSteps(concern: Concern, { host, store, progress, done }: RemoveContext): Promise<void> {
  const nothing = emptySpec(host, concern);
  const facts = await readFacts(nothing, store);
  for (const step of planSteps(nothing, {}, facts)) {
    await perform(step, { secrets: {}, timeoutMs: stepTimeoutMs, progress });
    // A directory that is not ours alone goes only if it is empty, and is not worth a line.
    const silent = step.kind === "daemon-reload" || (step.kind === "delete-directory" && !step.owned);
    if (!silent) done({ what: subject(step), why: `${concern} is removed` });
  }
}

async function stopAgent(context: RemoveContext): Promise<void> {
  const { store, progress } = context;
  // A unit that is gone already proves nothing of neard: what follows it is done in any case.
  if ((await readUnits([units.agent])).get(units.agent)?.loaded === true) {
    await handOver(progress);
    await unitJob("stop", units.agent, { timeoutMs: stepTimeoutMs, progress });
  }
  // An arbiter has no neard, and nothing to leave behind.
  if (!(await readAccounts()).users.has(users.neard)) return;
  const older = (await readIdentity())?.before.users.includes(users.neard) === true;
  // Then that user's neard is somebody else's, if it has one.
  if (older && !(await store.known()).includes("neard")) return;
  await endWithKey(context);
}

/** With the agent gone: the others count on this host no more, and no neard with the key, nor the key, is left behind. */
export async function endWithKey({ host, progress, done }: Omit<RemoveContext, "store">): Promise<void> {
  await withdrawNote().catch((error: Error) => progress(`this host's note in Consul stays: ${error.message}`));
  await endKey({ host, progress, done });
}

/** The host goes on as an arbiter: its agent stays, and knows nothing of a neard any more. */
async function hasArbitersAgent(store: SpecStore): Promise<boolean> {
  if (!(await store.known()).includes("agent")) return false;
  const config = await readDeployedConfig();
  return config !== null && config.neard === undefined;
}

/** When it returns, nothing of a lease is left on this host, in no socket either: its fence may go. */
async function endKey({ host, progress, done }: Omit<RemoveContext, "store">): Promise<void> {
  // Our own program again: it shuts the fence, kills neard's control group, erases the key.
  const program = [process.execPath, process.argv[1] ?? "", "expire", "--force"];
  await whileWaiting(
    progress,
    "neard is stopped, and what it has not sent yet must be gone before its fence goes",
    runCommand(program, { timeoutMs: stepTimeoutMs }),
  );
  done({ what: `the validator key's place on ${host}`, why: "no neard with the key is left behind" });
}

/** If this host is active and a standby is ready, the key goes there first. */
async function handOver(progress: Progress): Promise<void> {
  const agent = new AgentSocket();
  const nowMs = () => performance.now();
  const say = unhurried(progress, nowMs);
  const startMs = nowMs();
  try {
    if ((await agent.status()).role !== "active") return;
    const id = await agent.switchover({});
    while (nowMs() - startMs < handOverWithinMs) {
      const { state, to, because } = await agent.switchoverProgress(id);
      if (state === "done") return;
      if (state === "failed") return progress(`the key is given to nobody: ${because}`);
      say(`giving the key to ${to}: ${because}`);
      await sleep(500);
    }
    progress(`the key was not taken over within ${handOverWithinMs / 1000} s`);
  } catch (error) {
    progress(`the key is given to nobody: ${plainReason(error)}`);
  }
}

/** The others must not count on this host as a standby for as long as its last note looks fresh. */
async function withdrawNote(): Promise<void> {
  const config = await readDeployedConfig();
  const access = await readConsulAccess();
  if (config === null || access === null) return;
  const own = new ConsulClient(access[0]);
  try {
    await own.delete(consulKeys(config.network, config.account).host(config.host));
  } finally {
    own.close();
  }
}

async function removeTable(name: string, { done }: RemoveContext): Promise<void> {
  const isThere = await hasTable(name).catch((cause: Error) => {
    throw new HoldfastError(
      "HF_APPLY_FAILED",
      `Whether the table inet ${name} is there cannot be told: ${cause.message}.`,
      {
        next: `See what nft list table inet ${name} says on this host, mend the cause, and run pulumi up again.`,
        cause,
      },
    );
  });
  if (!isThere) return;
  await runCommand(["nft", "delete", "table", "inet", name]);
  done({ what: `nftables table inet ${name}`, why: "nobody needs it any more" });
}

/** Nothing is left that needs us: our own directories go, with the program that runs now. */
async function sweep({ done }: RemoveContext): Promise<void> {
  for (const path of [
    paths.run,
    paths.keyDirectory,
    paths.unsealed,
    paths.state,
    paths.etc,
    paths.opt,
    paths.convergeLock,
    paths.digests,
  ]) {
    if ((await lstat(path).catch(() => null)) === null) continue;
    if (await removeTree(path)) done({ what: path, why: "nothing of holdfast is left on this host" });
  }
}
