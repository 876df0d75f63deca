/**
 * Takes back the token of a host that has left: run on another Consul host once the leaver is clean, with the management
 * token on stdin. Whoever kept a copy of the leaver's disk can do nothing with it from then on. Usually nothing is left to
 * do: a host takes back its own when it says goodbye (leave-consul.ts). This is for one that could not.
 *
 * Awkward cases: a host that still lives in Consul keeps its token, for it may be the holder (somebody had the resource
 * replaced); it has some seconds to be seen leaving. And a cluster that is being taken down has nobody left to ask.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../contract/errors.ts";
import { aclName } from "../contract/topology.ts";
import { type AclFacts, type AclStep, aclSubject, describe } from "./acl.ts";
import { AclConsul } from "./acl-consul.ts";
import { readConsulAccess } from "./consul-access.ts";
import type { Change } from "./converge.ts";
import type { Progress } from "./progress.ts";

/** Longer than an election. */
const answerWithinMs = 8_000;
/** Until gossip has noticed that a server which was stopped is gone. */
const goneWithinMs = 20_000;
const lookEveryMs = 1000;

/** Pure. What is left of a host in Consul; null: it still lives there. */
export function planRevocation(host: string, facts: AclFacts): AclStep[] | null {
  if (facts.members.includes(host)) return null;
  const why = `${host} has left`;
  return [
    ...(facts.failed.includes(host) ? [{ kind: "force-leave", name: host, why } as const] : []),
    ...tracesOf(host, facts, why),
  ];
}

/** Pure. What goes of a host's token and policy. */
export function tracesOf(host: string, facts: AclFacts, why: string): AclStep[] {
  const name = aclName(host);
  return [
    ...facts.tokens
      .filter(({ description }) => description === describe(name))
      .map(({ accessor }) => ({ kind: "delete-token", accessor, name, why }) as const),
    ...facts.policies
      .filter(({ description }) => description === describe(name))
      .map(({ id }) => ({ kind: "delete-policy", id, name, why }) as const),
  ];
}

/** @throws HoldfastError HF_REFUSED when the host still lives in Consul. */
export async function revokeToken(
  host: string,
  managementToken: string,
  { progress, done }: { readonly progress: Progress; done(change: Change): void },
): Promise<void> {
  if ((await readConsulAccess()) === null) return progress("Consul is not set up here any more: nothing to revoke");
  const consul = await AclConsul.open(managementToken);
  try {
    for (const startMs = performance.now(); ; await sleep(lookEveryMs)) {
      const steps = planRevocation(host, await consul.readFacts(answerWithinMs, progress));
      if (steps !== null) {
        for (const step of steps) {
          await consul.perform(step);
          done({ what: aclSubject(step), why: step.why });
        }
        return;
      }
      if (performance.now() - startMs >= goneWithinMs) throw stillLives(host);
      progress(`waiting until Consul has seen that ${host} left`);
    }
  } catch (error) {
    const isUnanswered = error instanceof HoldfastError && error.code === "HF_TIMEOUT";
    if (!isUnanswered || (await consul.hasLeader())) throw error;
    progress(`the token of ${host} stays until the next change of the hosts, for Consul has no leader here`);
  } finally {
    consul.close();
  }
}

function stillLives(host: string): HoldfastError {
  return new HoldfastError("HF_REFUSED", `${host} is still a living member of Consul, so its token is not revoked.`, {
    next: `Stop Consul there if the host is to leave (systemctl stop holdfast-consul), then run pulumi up again.`,
  });
}
