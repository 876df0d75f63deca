/** What `zone` means: hosts that one event can take together, such as a provider's site, a rack, a power supply. Pure. */
import type { HostRole } from "../../contract/topology.ts";

export interface ZonedHost {
  readonly name: string;
  readonly roles: readonly HostRole[];
  readonly zone?: string | null | undefined;
}

/** What the loss of one zone would cost; nothing is said of hosts that name none. */
export function zoneRisks(hosts: readonly ZonedHost[]): string[] {
  const zones = [...Map.groupBy(hosts.filter(hasZone), ({ zone }) => zone)];
  return [
    ...zones.flatMap(([zone, inZone]) => neardRisks(zone, inZone, hosts)),
    ...zones.flatMap(([zone, inZone]) => quorumRisks(zone, inZone, hosts)),
    ...unzonedRisks(hosts),
  ];
}

type Zoned = ZonedHost & { readonly zone: string };
const hasZone = (host: ZonedHost): host is Zoned => typeof host.zone === "string";
const named = (hosts: readonly ZonedHost[]) => hosts.map(({ name }) => name).join(", ");
const withRole = (hosts: readonly ZonedHost[], role: HostRole) => hosts.filter(({ roles }) => roles.includes(role));
const isArbiter = ({ roles }: ZonedHost) => !roles.includes("neard");

/** Whoever stands by must not be lost together with whoever validates. */
function neardRisks(zone: string, inZone: readonly ZonedHost[], all: readonly ZonedHost[]): string[] {
  const neards = withRole(all, "neard");
  const here = withRole(inZone, "neard");
  if (here.length < 2) return [];
  return here.length === neards.length
    ? [`all hosts with neard (${named(here)}) are in the zone ${zone}: its loss leaves nobody to validate`]
    : [
        `${here.length} hosts with neard (${named(here)}) are in the zone ${zone}: its loss takes the active host and a standby together`,
      ];
}

/** Without a majority of the Consul servers nobody renews the lease, so nobody validates anywhere. */
function quorumRisks(zone: string, inZone: readonly ZonedHost[], all: readonly ZonedHost[]): string[] {
  const servers = withRole(all, "consul");
  const here = withRole(inZone, "consul");
  const quorum = Math.floor(servers.length / 2) + 1;
  if (here.length < 2 || servers.length - here.length >= quorum) return [];
  const arbiters = here.filter(isArbiter);
  const cure =
    arbiters.length === 0 || arbiters.length === here.length
      ? ""
      : ` Put the arbiter ${named(arbiters)} where no other host is.`;
  return [
    `${here.length} of ${servers.length} Consul servers (${named(here)}) are in the zone ${zone}: its loss leaves no majority, and nobody validates.${cure}`.replace(
      /\.$/,
      "",
    ),
  ];
}

/** Where some hosts say where they are, one that does not may be anywhere. */
function unzonedRisks(hosts: readonly ZonedHost[]): string[] {
  const silent = hosts.filter((host) => !hasZone(host));
  if (silent.length === 0 || silent.length === hosts.length) return [];
  return [
    `${named(silent)} ${silent.length === 1 ? "names" : "name"} no zone, so it cannot be told what is lost with which zone`,
  ];
}

/** For a preview. */
export function zoneWarnings({ hosts }: { readonly hosts: readonly ZonedHost[] }): string[] {
  return zoneRisks(hosts).map((risk) => `holdfast:hosts: ${risk}.`);
}
