/** How Pulumi's commands reach a host. */
import type { types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { SshEnd } from "../../ssh/way.ts";
import type { Host } from "../config/topology.ts";
import { type CloudPlaces, fillIn } from "./cloud-places.ts";

export interface SshAccess {
  /** Absent: the keys of the ssh-agent. */
  readonly privateKey?: pulumi.Output<string>;
  /** Where the hosts are that this stack makes; absent: all exist already. */
  readonly places?: CloudPlaces;
}

/**
 * Field by field, never spread: the plugin prints the whole connection, key included, when it meets a
 * name that it does not know.
 */
export function connectionTo({ name, ssh }: Host, access: SshAccess): types.input.remote.ConnectionArgs {
  const host = fillIn(access.places, name, ssh.host);
  const hostKey = fillIn(access.places, name, ssh.hostKey);
  const proxy = ssh.proxy === null ? {} : { proxy: endOf(ssh.proxy, access) };
  return { ...endOf(ssh, access), host, hostKey, ...proxy };
}

export type Connection = pulumi.Output<types.input.remote.ConnectionArgs>;

/** By host name, each made once for all commands on its host: the SDK has a dozen promises to keep for every part of one. */
export function connectionsTo(hosts: readonly Host[], access: SshAccess): ReadonlyMap<string, Connection> {
  return new Map(hosts.map((host) => [host.name, pulumi.secret(connectionTo(host, access)) as Connection]));
}

function endOf(end: SshEnd, access: SshAccess) {
  return {
    host: end.host,
    port: end.port,
    user: end.user,
    hostKey: end.hostKey,
    // The preflight has just been there: a host that is down now may be booting, which is worth two minutes, not more.
    dialErrorLimit: 15,
    perDialTimeout: 5,
    ...(access.privateKey === undefined ? {} : { privateKey: access.privateKey }),
  };
}
