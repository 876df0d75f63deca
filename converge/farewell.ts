/**
 * How a host's Consul goes when its host leaves: with a goodbye, or without; or not at all, for the others would be
 * no majority any more. What was seen comes in, so that it can be tried without a cluster.
 *
 * Awkward cases: a server that was killed seconds ago (wait, it may come back); a cluster that is being destroyed, whose last
 * servers have nobody to say goodbye to (its agents went first: no session is left); and no leader at all (there
 * is no quorum to lose, unless it is an election: wait a little).
 */
import { HoldfastError } from "../contract/errors.ts";
import { ConsulUnknown } from "../host/consul/errors.ts";
import type { WithoutOne } from "../host/consul/voters.ts";
import { type Progress, unhurried } from "./progress.ts";

export type Surroundings =
  | { readonly isServer: false }
  | {
      readonly isServer: true;
      readonly without: WithoutOne;
      /** Somebody has a session: agents run. */
      readonly inUse: boolean;
    };

export interface FarewellContext {
  readonly host: string;
  readonly progress: Progress;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

/** Longer than sessions outlive their agents (twice the TTL), and than a server needs to be restarted. */
const spareWithinMs = 45_000;
/** Longer than an election. */
const leaderWithinMs = 6_000;
const lookEveryMs = 500;

/** @throws HoldfastError HF_REFUSED when the cluster is in use and would lose its quorum. Nothing was changed then. */
export async function decideFarewell(
  look: () => Promise<Surroundings>,
  context: FarewellContext,
): Promise<{ readonly leave: true } | { readonly leave: false; readonly because: string }> {
  const { nowMs } = context;
  const progress = unhurried(context.progress, nowMs);
  const startMs = nowMs();
  let answeredMs = startMs;
  for (;;) {
    let why: string;
    try {
      const seen = await look();
      answeredMs = nowMs();
      if (!seen.isServer || !seen.without.counts) return { leave: true };
      const { without, inUse } = seen;
      // Three are the least that a cluster in use has: this one is being taken down.
      if (without.voters <= 2) return { leave: false, because: "the cluster is being taken down" };
      if (without.enoughWhenLeft) return { leave: true };
      why = without.faults.join(", ");
      if (!inUse) return { leave: false, because: `nobody uses the cluster any more, and ${why}` };
      if (nowMs() - startMs >= spareWithinMs) throw refused(context.host, why);
    } catch (error) {
      if (!(error instanceof ConsulUnknown)) throw error;
      if (nowMs() - answeredMs >= leaderWithinMs) return { leave: false, because: error.message };
      why = error.message;
    }
    progress(`Consul does not leave yet: ${why} (${Math.round((nowMs() - startMs) / 1000)} s)`);
    await context.sleep(lookEveryMs);
  }
}

function refused(host: string, why: string): HoldfastError {
  return new HoldfastError(
    "HF_REFUSED",
    `Consul on ${host} is not taken away: the others would be no majority without it (${why}).`,
    { next: "Bring those back first, or name them in holdfast:gone if they are lost; then run pulumi up again." },
  );
}
