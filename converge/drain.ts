/**
 * Takes this host out of service for good, while the cluster goes on: its machine is about to be replaced. Not a removal:
 * the host stays in the stack, and its specs on the disk, so a check calls all of this drift and `pulumi up` takes it back.
 *
 * Idea: the same lock and the same questions as before a change of Consul (converge/maintenance): one host at a time, the key
 * given away first, Consul able to spare this server. Then in the order in which each rests on the next: the agent, neard and the key,
 * Consul, which says goodbye, so that its server votes no more before the machine goes away.
 * Awkward cases: cut short anywhere, it goes on from there when it is called again. Its goodbye ends its session, and with
 * that the lock. And no quorum at all: an apply would mend this host's own Consul without the lock; here that Consul may be
 * the very one that is missing, so nothing is done.
 */
import { HoldfastError } from "../contract/errors.ts";
import { units } from "../contract/paths.ts";
import type { Change } from "./converge.ts";
import type { Alone } from "./maintenance/with-lock.ts";

/** The host, as far as its draining needs it. */
export interface DrainHost {
  readonly host: string;
  /** Runs `work` as the only host that is being changed, once it is not active and Consul can spare it; null: no agent was ever set up. */
  alone(work: (alone: Alone | null) => Promise<void>): Promise<void>;
  /** Stops a unit and has no boot start it again; false: so it is already. */
  retire(unit: string): Promise<boolean>;
  /** The others count on this host no more; no neard with the key, nor the key itself, is left. */
  endWithKey(): Promise<void>;
  /** Deletes the validator's keys as they rest here, sealed; which. */
  eraseSealedKeys(): Promise<readonly string[]>;
  /** Its server votes no more; false: Consul does not run here. */
  leaveConsul(): Promise<boolean>;
}

const why = "this machine is going to be replaced";

/**
 * @param done called after each change
 * @throws HoldfastError HF_REFUSED, HF_CONSUL, HF_TIMEOUT before anything was changed; others leave what was done
 */
export async function drain(host: DrainHost, done: (change: Change) => void): Promise<void> {
  await host.alone(async (alone) => {
    if (alone?.isLocked === false) throw noQuorum(host.host);
    if (await host.retire(units.agent)) done({ what: units.agent, why });
    await host.endWithKey();
    for (const path of await host.eraseSealedKeys()) done({ what: path, why });
    if (await host.retire(units.neard)) done({ what: units.neard, why });
    await alone?.untilSpared();
    await alone?.beforeLeaving();
    await host.leaveConsul();
    if (await host.retire(units.consul)) done({ what: units.consul, why });
  });
}

function noQuorum(host: string): HoldfastError {
  return new HoldfastError(
    "HF_CONSUL",
    `${host} is not taken out of service: Consul has no quorum, and this host's server may be the one that is missing. Nothing was changed here.`,
    { next: "Bring a majority of the Consul servers back first; pulumi up mends the one on this host." },
  );
}
