/** How Pulumi's commands reach a host. */
import type { types } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../config/topology.ts";

export interface SshAccess {
  /** Absent: the keys of the ssh-agent. */
  readonly privateKey?: pulumi.Output<string>;
}

/**
 * Field by field, never spread: the plugin prints the whole connection, key included, when it meets a
 * name that it does not know.
 */
export function connectionTo(host: Host, access: SshAccess): types.input.remote.ConnectionArgs {
  return {
    host: host.address,
    port: host.ssh.port,
    user: host.ssh.user,
    hostKey: host.ssh.hostKey,
    // The preflight has just been there: a host that is down now may be booting, which is worth two minutes, not more.
    dialErrorLimit: 15,
    perDialTimeout: 5,
    ...(access.privateKey === undefined ? {} : { privateKey: access.privateKey }),
  };
}
