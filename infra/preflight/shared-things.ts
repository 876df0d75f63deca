/**
 * What the hosts share at Hetzner (network, packet filters, SSH key, placement groups), as a stack finds it that lost its state and
 * adopts its hosts (`holdfast:adopt`). Pure.
 *
 * Hosts are adopted by ids, for a server of one of our names may be anybody's. Of what they share nothing costs anybody his key:
 * it counts as the stack's own when it has the very name, and the label that holdfast puts on all it makes. Whether the hosts
 * in it are the stack's own, they have to show.
 */
import { configFault, type Fault } from "../config/faults.ts";
import type { Cloud, HostAtCloud, Topology } from "../config/topology.ts";
import { cloudNames } from "../plan/cloud.ts";
import type { CloudState, Kind, ProjectFacts } from "./cloud-state.ts";

/** Something that the stack has once, or once for each location. */
export interface SharedThing {
  readonly kind: Exclude<Kind, "servers" | "primary_ips">;
  /** At Hetzner. */
  readonly name: string;
  /** Its resource's name in the stack. */
  readonly resource: string;
}

/** Resources' names, by which the component makes them. */
export const shared = {
  network: "network",
  subnet: "subnet",
  sshKey: "ssh-key",
  firewall: "firewall",
  neardFirewall: "firewall-neard",
  spread: (location: string) => `spread-${location}`,
} as const;

/** All that is to be there, but for the subnet, which has no name. */
export function sharedThings(cloud: Cloud, hosts: readonly HostAtCloud[]): SharedThing[] {
  const names = cloudNames(cloud);
  const locations = new Set(cloud.spread ? hosts.map((host) => host.cloud.location) : []);
  return [
    { kind: "networks", name: names.network, resource: shared.network },
    { kind: "firewalls", name: names.firewall, resource: shared.firewall },
    { kind: "firewalls", name: names.neardFirewall, resource: shared.neardFirewall },
    ...[...locations].map(
      (location): SharedThing => ({
        kind: "placement_groups",
        name: names.placementGroup(location),
        resource: shared.spread(location),
      }),
    ),
    ...("publicKey" in cloud.sshKey
      ? [{ kind: "ssh_keys", name: names.sshKey, resource: shared.sshKey } as const]
      : []),
  ];
}

/** Ids of what this run takes over instead of making it, by the names of its resources. */
export function thingsToTakeOver(
  { adopt, hosts }: Pick<Topology, "adopt"> & { readonly hosts: readonly HostAtCloud[] },
  cloud: Cloud,
  state: CloudState,
  facts: ProjectFacts,
): ReadonlyMap<string, string> {
  if (adopt === null) return new Map();
  // A host may be called as one of these, and its server's resource is.
  const inState = (kind: Kind, resource: string) =>
    state.things.find((thing) => thing.kind === kind && thing.resource === resource);
  const found = sharedThings(cloud, hosts).flatMap(({ kind, name, resource }) => {
    const one = facts[kind].find((thing) => thing.name === name && thing.labels["holdfast-cluster"] === cloud.name);
    return one === undefined || inState(kind, resource) !== undefined ? [] : [[resource, String(one.id)] as const];
  });
  const ids = new Map(found);
  const network = Number(ids.get(shared.network) ?? inState("networks", shared.network)?.id);
  const { subnet } = cloud.network;
  const isThere = facts.networks.some(
    ({ id, subnets }) => id === network && subnets.some(({ ip_range }) => ip_range === subnet),
  );
  return isThere && !state.hasSubnet ? ids.set(shared.subnet, `${network}-${subnet}`) : ids;
}

/** A network that is taken over stays as it is: of another range Pulumi would make another one, with all servers in this one. */
export function networkFaults(
  { network: { range, subnet, zone } }: Cloud,
  takingOver: ReadonlyMap<string, string>,
  { networks }: Pick<ProjectFacts, "networks">,
): Fault[] {
  const taken = networks.find(({ id }) => String(id) === takingOver.get(shared.network));
  if (taken === undefined) return [];
  const same = ({ ip_range, network_zone }: (typeof taken.subnets)[number]) =>
    ip_range === subnet && network_zone === zone;
  if (taken.ip_range === range && (taken.subnets.length === 0 || taken.subnets.some(same))) return [];
  const has = taken.subnets.map(({ ip_range, network_zone }) => `${ip_range} in ${network_zone}`).join(", ");
  return [
    configFault(
      `holdfast:hcloud.network is ${range}, with the subnet ${subnet} in ${zone}; but the network ${taken.name} (id ${taken.id}), which is to be taken over, is ${taken.ip_range}, with ${has || "no subnet"}`,
      "Set range, subnet and zone as they are there: docs/operate/lost-state.md.",
    ),
  ];
}
