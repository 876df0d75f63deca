/** Words that the stack's configuration, the agent and the command line share. */
import * as z from "zod";

/** `localnet` is the lab on this machine; the others are NEAR's public networks. */
export const networkSchema = z.enum(["localnet", "testnet", "mainnet"]);
export type Network = z.infer<typeof networkSchema>;

/** What a host does. A host with `consul` alone is an arbiter: it votes, it never validates. */
export const roleSchema = z.enum(["neard", "consul"]);
export type HostRole = z.infer<typeof roleSchema>;

/** RFC 1123 label: it becomes the host's Consul node name and part of resource names. */
export const hostNameSchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/, "use lower-case letters, digits and hyphens, at most 42 of them");

/** A NEAR account id (nearcore: core/account-id, 2 to 64 characters). */
export const accountSchema = z
  .string()
  .min(2)
  .max(64)
  .regex(/^(([a-z\d]+[-_])*[a-z\d]+\.)*([a-z\d]+[-_])*[a-z\d]+$/, "is not a NEAR account id");

/** Consul keys of one cluster. Only neard hosts may write `lock`. */
export function consulKeys(network: Network, account: string) {
  const root = `holdfast/${network}/${account}`;
  const historyRoot = `holdfast-history/${network}/${account}/`;
  return {
    root: `${root}/`,
    /** The lock whose holder may validate. */
    lock: `${root}/lock`,
    /** Present while automatic take-overs are paused; value: who, when, why. */
    pause: `${root}/pause`,
    /** A wanted switchover; see agent/role. */
    switchover: `${root}/switchover`,
    /** What each neard host says of itself: ready to take over, or why not. */
    host: (name: string) => `${root}/hosts/${name}`,
    /** One entry per take-over, named by its epoch. */
    history: (epoch: number) => `${historyRoot}${String(epoch).padStart(10, "0")}`,
    /** Not below `root`: the agents follow all of `root`, and the history only grows. */
    historyPrefix: historyRoot,
    /** Its neard's connections, written by the active host for whoever must answer for it. Nobody follows them. */
    connections: (name: string) => `holdfast-connections/${network}/${account}/${name}`,
    /** Held while a host is being changed, so that only one is at a time. */
    maintenance: `${root}/maintenance/lock`,
    /** Who failed last while being changed; makes those who wait stop. */
    maintenanceFailure: `${root}/maintenance/failure`,
  };
}

/** Name of the Consul policy and of the token of `host`: so that who it belongs to can be told from it. */
export function aclName(host: string): string {
  return `holdfast-${host}`;
}
