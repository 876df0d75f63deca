/**
 * Whether a server at Hetzner is what was made of it: running, in its private network, with its own address. Pure.
 *
 * Why anybody asks: of a server whose making was cut short (an action that failed, a poll that got a 503) the provider keeps
 * an id, and the next `pulumi up` calls it done without a look. It may be off, unattached, unprotected.
 */
import type { PrimaryIp, Server } from "./schemas.ts";

/** A host's server, as the stack has it. */
export interface WantedServer {
  readonly host: string;
  /** Its name at Hetzner, and that of its address. */
  readonly serverName: string;
  readonly serverType: string;
  /** In the private network. */
  readonly privateAddress: string;
  /** Hetzner shall refuse to delete its public address. */
  readonly protectsAddress: boolean;
  /** Ids of the firewalls before it; what else is there is no matter. */
  readonly firewalls: readonly number[];
}

export interface ServerFault {
  readonly host: string;
  /** A clause: `is off`. */
  readonly why: string;
  /** `pulumi up --refresh` mends it; otherwise somebody has to look. */
  readonly mendable: boolean;
}

/** @param server null: there is none of that name. `address`: the primary address of that name; null: there is none */
export function serverFaults(wanted: WantedServer, server: Server | null, address: PrimaryIp | null): ServerFault[] {
  const { host } = wanted;
  const fault = (why: string, mendable = true): ServerFault => ({ host, why, mendable });
  if (server === null) return [fault(`has no server ${wanted.serverName} at Hetzner`)];
  const { status, locked, private_net, public_net, server_type } = server;
  const addresses = private_net.map(({ ip }) => ip);
  return [
    ...(status === "running" ? [] : [fault(`${status === "off" ? "is off" : `is ${status}`}`, false)]),
    ...(locked ? [fault("is locked: another action runs on it", false)] : []),
    ...(addresses.includes(wanted.privateAddress)
      ? []
      : [
          fault(
            addresses.length === 0
              ? "is in no private network"
              : `has ${addresses.join(", ")} in the private network, not ${wanted.privateAddress}`,
          ),
        ]),
    ...(wanted.firewalls.every((wantedId) => public_net.firewalls.some(({ id }) => id === wantedId))
      ? []
      : [fault("has not all of its firewalls before it")]),
    ...(server_type.name === wanted.serverType
      ? []
      : [fault(`is of the type ${server_type.name}, not ${wanted.serverType}`)]),
    ...addressFaults(wanted, server.id, public_net.ipv4?.id ?? null, address).map((why) => fault(why)),
  ];
}

function addressFaults(
  { serverName, protectsAddress }: WantedServer,
  serverId: number,
  own: number | null,
  address: PrimaryIp | null,
): string[] {
  if (address === null)
    return [`has no address ${serverName} at Hetzner: the next deletion of its server takes its address along`];
  if (address.assignee_id !== serverId)
    return [
      `${own === null ? "has no public address" : "has another public address"}: ${address.ip} is not assigned to it`,
    ];
  return [
    ...(address.auto_delete ? [`has an address, ${address.ip}, that Hetzner deletes together with the server`] : []),
    ...(protectsAddress && !address.protection.delete
      ? [`has an address, ${address.ip}, that Hetzner would let anybody delete`]
      : []),
  ];
}
