/**
 * `holdfastd expire`: what ExecStopPost= runs whenever the agent ended, however it ended. If the lease
 * is still alive nothing happens: a restarted agent goes on with it, and if none comes, the kernel
 * shuts the fence at the deadline. If it is over, or with `force`, the fence shuts, neard is killed
 * and the key erased, by the same parts that the agent uses.
 * On a host that lost its role neard no agent feeds the fence or looks after what is left: before such an agent starts
 * everything ends, lease or not, and the fence stays shut (`keepFence`) until the host's neard is removed.
 * Awkward case: somebody took the fence away (`nft flush ruleset`). Then nothing ends with the lease, whatever its file
 * says: a key that lies on the host is ended at once.
 */
import { fromUrl } from "../../contract/address.ts";
import { paths, units, users } from "../../contract/paths.ts";
import { readAgentConfig } from "../../host/system/agent-config.ts";
import { bootId, systemClock } from "../../host/system/clock.ts";
import { userExists, userIds } from "../../host/system/users.ts";
import { eraseKeyFile, mayBeThere } from "../custody/custody.ts";
import { Fence } from "../fence/fence.ts";
import { orphansGone } from "../fence/orphans.ts";
import { LeaseFile } from "../lease/lease-file.ts";
import { endNeard } from "../neard/end.ts";
import { killAll, killWithinMs } from "../neard/processes.ts";

/** They end at their next retransmission, which TCP puts off by at most 120 s (RFC 6298, Linux TCP_RTO_MAX). */
const orphansWithinMs = 125_000;

/** This host, as far as an ended lease concerns it. */
export interface Remains {
  isArmed(): Promise<boolean>;
  /** The key lies where neard finds it. */
  keyFilePresent(): boolean;
  /** What is left of the saved lease, in milliseconds; not above 0: it is over. Null: there is none that can be read. */
  leaseLeftMs(): number | null;
  /** Returns when the kernel has shown that it is shut. */
  shut(): Promise<void>;
  /** Returns when none of neard's processes is left. */
  killNeard(): Promise<void>;
  eraseKey(): void;
  disarm(): Promise<void>;
  /** So that whoever starts next finds nothing to end. */
  forgetLease(): void;
  /** Returns when no socket of an ended process has data to send. */
  orphansGone(): Promise<void>;
}

export interface ExpireOptions {
  /** Whatever the lease has left. */
  readonly force: boolean;
  /** Leave the fence shut, and do not wait for what is left in sockets behind it. */
  readonly keepFence?: boolean;
}

/** Says what it did, for the journal. */
export async function expire(options: ExpireOptions): Promise<string> {
  if (!userExists(users.neard)) return "no neard on this host";
  const { uid } = userIds(users.neard);
  const fence = new Fence(systemClock, uid);
  const leaseFile = new LeaseFile(paths.leaseFile, bootId());
  const saved = leaseFile.load();
  return await expireOn(
    {
      isArmed: async () => (await fence.armedMark()) !== null,
      keyFilePresent: () => mayBeThere(paths.validatorKey),
      leaseLeftMs: () => (saved === null ? null : saved.lease.deadlineMs - systemClock.bootMs()),
      shut: () => fence.shut(saved?.lease.epoch ?? null),
      killNeard: () => killAll(units.neard, uid, killWithinMs),
      eraseKey: () => eraseKeyFile(paths.validatorKey),
      disarm: () => fence.disarm(),
      forgetLease: () => leaseFile.forget(),
      orphansGone: () => orphansGone(orphansWithinMs, consulServers()),
    },
    options,
  );
}

/** Addresses of all the cluster's Consul servers. None where nobody can tell any more: then their sockets count too. */
function consulServers(): string[] {
  try {
    const { urls, unasked } = readAgentConfig().consul;
    return [...urls.map((url) => fromUrl(new URL(url).hostname)), ...unasked];
  } catch {
    return [];
  }
}

/**
 * In this order, and no further than what succeeded; but a fence that cannot be shut holds nobody back, so neard dies
 * first then, and the failure is told after it. What cannot be told counts as what there is to fear.
 */
export async function expireOn(host: Remains, options: ExpireOptions): Promise<string> {
  const isArmed = await host.isArmed().catch(() => null);
  const leftMs = host.leaseLeftMs();
  const hasKey = host.keyFilePresent();
  const isClean = isArmed === false || (isArmed === null && leftMs === null);
  if (isClean && !hasKey && !options.force) return "no lease was held";
  if (isArmed === true && leftMs !== null && leftMs > 0 && !options.force)
    return `the lease lives for ${Math.round(leftMs)} ms more; the fence ends with it`;
  const shut = await host.shut().then(
    () => null,
    (error: Error) => error,
  );
  await endNeard(
    () => host.eraseKey(),
    () => host.killNeard(),
  );
  // With neard dead nothing new is signed; what it left in its sockets may still get out, so this is no success.
  if (shut !== null) throw new Error(`neard killed, key erased, but ${shut.message}`, { cause: shut });
  if (!options.force)
    return `${isArmed === false ? "there was a key without a fence" : "the lease is over"}: fence shut, neard killed, key erased`;
  if (options.keepFence === true) {
    host.forgetLease();
    return "fence shut, neard killed, key erased; the fence stays shut";
  }
  // Whoever forces it may remove the fence next: nothing may be left that would get out then.
  await host.disarm();
  await host.orphansGone();
  return "fence shut, neard killed, key erased, connections of the ended lease gone";
}
