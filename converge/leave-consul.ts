/**
 * How this host's Consul goes: who leaves while the others stay says goodbye, so that a server counts in no quorum any
 * more and nobody waits for it. With the management token its own token goes first: nobody else need be there to take it
 * back, however many leave in the same run.
 *
 * Awkward case: it ends between the two. The host still lives in Consul then, with a token that is worth nothing; whoever
 * does this over comes with the management token again, and all that is asked here is asked with that one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { plainReason } from "../contract/errors.ts";
import { units } from "../contract/paths.ts";
import { ConsulClient, type ConsulConnection } from "../host/consul/client.ts";
import { ConsulRefused, ConsulUnknown } from "../host/consul/errors.ts";
import { askVoters, clientAt, seconded, withoutOne } from "../host/consul/voters.ts";
import { aclSubject } from "./acl.ts";
import { AclConsul } from "./acl-consul.ts";
import { readConsulAccess } from "./consul-access.ts";
import type { Change } from "./converge.ts";
import { decideFarewell, type Surroundings } from "./farewell.ts";
import { type Progress, whileWaiting } from "./progress.ts";
import { tracesOf } from "./revoke.ts";
import type { SpecStore } from "./spec-store.ts";
import { readUnits, unitJob } from "./systemd.ts";

const stopWithinMs = 150_000;
/** Consul's leave_drain_time (5 s), the removal from Raft (up to 3 s), and some. */
const leaveWithinMs = 15_000;
/** Longer than an election. */
const answerWithinMs = 8_000;

export interface LeaveContext {
  readonly host: string;
  readonly store: Pick<SpecStore, "known">;
  readonly progress: Progress;
  /** Called after each change. */
  done(change: Change): void;
}

/**
 * Pure. Why a host that was told to leave does not: its agent may hold the lease, or take it, by the token that would go.
 * Null: it leaves.
 */
export function staysBecause(known: readonly string[]): string | null {
  const left = known.filter((concern) => concern === "agent" || concern === "neard");
  return left.length === 0 ? null : `${left.join(" and ")} have not been removed from this host, so it stays in Consul`;
}

/** `holdfastd leave-consul`: what is done on a host that leaves, after its agent and before its Consul is removed. */
export async function takeBackAndLeave(context: LeaveContext, managementToken: string): Promise<void> {
  const why = staysBecause(await context.store.known());
  if (why === null) await leaveConsul(context, managementToken);
  else context.progress(why);
}

/**
 * Says goodbye if the others stay and can spare this host, and stops Consul.
 * @param managementToken null: with the host's own token, which is left as it is
 * @throws HoldfastError HF_REFUSED when the others would be no majority; nothing was changed then
 */
export async function leaveConsul(
  { host, progress, done }: Omit<LeaveContext, "store">,
  managementToken: string | null,
): Promise<void> {
  if ((await readUnits([units.consul])).get(units.consul)?.state !== "running") return;
  const found = await readConsulAccess().catch((error: Error) => {
    // Half deployed: without credentials nobody can say goodbye.
    progress(`Consul is stopped without leaving: ${error.message}`);
    return null;
  });
  if (found === null) return;
  const access = managementToken === null ? found[0] : { ...found[0], token: managementToken };
  const own = new ConsulClient(access);
  const mark = once(() => own.mark(host));
  try {
    const farewell = await decideFarewell(() => lookAround(own, access, host, mark), {
      host,
      progress,
      nowMs: () => performance.now(),
      sleep: async (ms) => void (await sleep(ms)),
    });
    if (farewell.leave) {
      if (managementToken !== null) await takeBackOwnToken(host, managementToken, { progress, done });
      await sayGoodbye(own, { progress, done });
    } else progress(`Consul is stopped without leaving: ${farewell.because}`);
  } catch (error) {
    if (!(error instanceof ConsulUnknown) && !(error instanceof ConsulRefused)) throw error;
    progress(`Consul is stopped without leaving: ${error.message}`);
  } finally {
    own.close();
  }
  // At once: having left, Consul ends itself, and systemd would start it again, and it would join again.
  await unitJob("stop", units.consul, { timeoutMs: stopWithinMs, progress });
  // Nor at a boot before it is removed.
  await unitJob("disable", units.consul, { timeoutMs: stopWithinMs, progress });
}

/** A server then votes no more, and counts in no quorum. @throws ConsulUnknown, ConsulRefused */
export async function sayGoodbye(
  own: ConsulClient,
  { progress, done }: Pick<LeaveContext, "progress" | "done">,
): Promise<void> {
  await whileWaiting(progress, "Consul leaves the cluster", own.request("put", "/agent/leave", {}, leaveWithinMs));
  done({ what: "consul", why: "left the cluster" });
}

/** Where it cannot be done here, a host that stays does it (revoke.ts). */
async function takeBackOwnToken(
  host: string,
  managementToken: string,
  { progress, done }: Pick<LeaveContext, "progress" | "done">,
): Promise<void> {
  const consul = await AclConsul.open(managementToken);
  try {
    for (const step of tracesOf(host, await consul.readFacts(answerWithinMs, progress), `${host} leaves`)) {
      await consul.perform(step);
      done({ what: aclSubject(step), why: step.why });
    }
  } catch (error) {
    progress(`this host's token is left to another host: ${plainReason(error)}`);
  } finally {
    consul.close();
  }
}

/** Tries until it has worked once. */
function once<T>(get: () => Promise<T>): () => Promise<T> {
  let got: { value: T } | undefined;
  return async () => {
    got ??= { value: await get() };
    return got.value;
  };
}

async function lookAround(
  own: ConsulClient,
  access: ConsulConnection,
  host: string,
  mark: () => Promise<number>,
): Promise<Surroundings> {
  const servers = (await own.health()).Servers;
  if (!servers.some((server) => server.Name === host)) return { isServer: false };
  // Before the others are asked: their words count only from then on.
  const index = await mark();
  const without = withoutOne(seconded(await askVoters(own, clientAt(access)), index), host);
  return { isServer: true, without, inUse: (await own.countSessions()) > 0 };
}
