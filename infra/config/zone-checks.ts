/**
 * What `zone` means: hosts that one event can take together, such as a provider's site, a rack, a power supply. Pure.
 *
 * Idea: take one zone away after the other, and count what is left. A cluster validates after the loss if a majority of
 * Consul's servers is left (or nobody renews a lease) and a host with neard is. So two placements lose all by one zone:
 * every neard in it, or so many servers that the others are no majority. The second is where an arbiter's place counts: with
 * three servers, one beside a neard host gives its zone the majority, and the loss of that zone stops the other neard too.
 * Awkward case: an even number of servers, of which half are no majority: two zones with two of four each lose all with either.
 */
import { majority } from "../../contract/quorum.ts";
import type { HostRole } from "../../contract/topology.ts";

export interface ZonedHost {
  readonly name: string;
  readonly roles: readonly HostRole[];
  readonly zone?: string | null | undefined;
}

/** What the loss of one zone takes. */
export interface ZoneLoss<Host extends ZonedHost = ZonedHost> {
  readonly zone: string;
  /** Hosts with neard that are lost, and that are left. */
  readonly neards: readonly Host[];
  readonly neardsLeft: readonly Host[];
  /** Consul servers that are lost, and how many of all are left. */
  readonly servers: readonly Host[];
  readonly serversLeft: number;
  /** Those that are left are a majority of all. */
  readonly keepsQuorum: boolean;
}

/** One for each zone that is named, in the order of the hosts. A host that names none is lost with no zone. */
export function zoneLosses<Host extends ZonedHost>(hosts: readonly Host[]): ZoneLoss<Host>[] {
  const neards = withRole(hosts, "neard");
  const servers = withRole(hosts, "consul");
  const zones = new Set(hosts.flatMap(({ zone }) => zone ?? []));
  return [...zones].map((zone) => {
    const isHere = (host: Host) => host.zone === zone;
    const serversLeft = servers.filter((host) => !isHere(host)).length;
    return {
      zone,
      neards: neards.filter(isHere),
      neardsLeft: neards.filter((host) => !isHere(host)),
      servers: servers.filter(isHere),
      serversLeft,
      keepsQuorum: serversLeft >= majority(servers.length),
    };
  });
}

/** What the loss of one zone would cost, a sentence each without its full stop; nothing is said of hosts that name none. */
export function zoneRisks(hosts: readonly ZonedHost[]): string[] {
  const losses = zoneLosses(hosts);
  return [...losses.flatMap(neardRisks), ...losses.flatMap(quorumRisks), ...unzonedRisks(hosts)];
}

const named = (hosts: readonly ZonedHost[]) => hosts.map(({ name }) => name).join(", ");
const withRole = <Host extends ZonedHost>(hosts: readonly Host[], role: HostRole) =>
  hosts.filter(({ roles }) => roles.includes(role));
const isArbiter = ({ roles }: ZonedHost) => !roles.includes("neard");

/** Whoever stands by must not be lost together with whoever validates. */
function neardRisks({ zone, neards, neardsLeft }: ZoneLoss): string[] {
  if (neards.length < 2) return [];
  return neardsLeft.length === 0
    ? [`all hosts with neard (${named(neards)}) are in the zone ${zone}: its loss leaves nobody to validate`]
    : [
        `${neards.length} hosts with neard (${named(neards)}) are in the zone ${zone}: its loss takes the active host and a standby together`,
      ];
}

/** Without a majority of the Consul servers nobody renews the lease, so nobody validates anywhere. */
function quorumRisks(loss: ZoneLoss): string[] {
  const { zone, servers, serversLeft, neardsLeft, keepsQuorum } = loss;
  // One alone is what every cluster can lose; the settings see to it that there are three.
  if (keepsQuorum || servers.length < 2) return [];
  const all = servers.length + serversLeft;
  const others = neardsLeft.length === 0 ? "" : `, not even ${named(neardsLeft)} outside of it`;
  const cure = cureOf(loss);
  return [
    `${servers.length} of ${all} Consul servers (${named(servers)}) are in the zone ${zone}: its loss leaves no majority, and nobody validates${others}${cure === null ? "" : `. ${cure}`}`,
  ];
}

/** Arbiters are the hosts that are easily placed elsewhere. Null: their move alone mends nothing. */
function cureOf({ servers, serversLeft }: ZoneLoss): string | null {
  const arbiters = servers.filter(isArbiter);
  const toMove = majority(servers.length + serversLeft) - serversLeft;
  if (arbiters.length < toMove) return null;
  if (arbiters.length === 1) return `Put the arbiter ${named(arbiters)} where no other host is`;
  if (arbiters.length === toMove) return `Put the arbiters ${named(arbiters)} each where no other host is`;
  return `Put ${toMove} of the arbiters ${named(arbiters)} ${toMove === 1 ? "" : "each "}where no other host is`;
}

/** Where some hosts say where they are, one that does not may be anywhere. */
function unzonedRisks(hosts: readonly ZonedHost[]): string[] {
  const silent = hosts.filter(({ zone }) => typeof zone !== "string");
  if (silent.length === 0 || silent.length === hosts.length) return [];
  return [
    `${named(silent)} ${silent.length === 1 ? "names" : "name"} no zone, so it cannot be told what is lost with which zone`,
  ];
}

/** For a preview. */
export function zoneWarnings({ hosts }: { readonly hosts: readonly ZonedHost[] }): string[] {
  return zoneRisks(hosts).map((risk) => `holdfast:hosts: ${risk}.`);
}
