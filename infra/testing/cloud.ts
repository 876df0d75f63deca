/** A project at Hetzner for tests, as the API tells it, and the state of a stack that has made it. */
import type { Image, PrimaryIp, Server, ServerType } from "../../hcloud/schemas.ts";
import { type Cloud, hasRole, isAtCloud, type Topology } from "../config/topology.ts";
import { cloudNames } from "../plan/cloud.ts";
import { type CloudState, cloudStateFrom, type ProjectFacts, type ResourceOutputs } from "../preflight/cloud-state.ts";
import { sampleHostKey } from "./sample.ts";

const labels = {};
const urn = (type: string, name: string) => `urn:pulumi:sample::holdfast::holdfast:index:Cloud$${type}::${name}`;

/** Everything that the stack wants is there, and in its state. Ids: servers from 100, addresses from 200, the rest below. */
export function wholeCloud(topology: Topology): { readonly facts: ProjectFacts; readonly resources: ResourceOutputs } {
  const cloud = topology.cloud as Cloud;
  const names = cloudNames(cloud);
  const hosts = topology.hosts.filter(isAtCloud);
  const groups = [...new Set(hosts.map((host) => host.cloud.location))].map((location, i) => ({
    id: 10 + i,
    name: names.placementGroup(location),
    type: "spread",
    servers: [],
    labels,
    location,
  }));
  const facts: ProjectFacts = {
    servers: hosts.map((host, i): Server => sampleServer(100 + i, host.cloud.serverName, host.cloud, host.address)),
    primary_ips: hosts.map(
      (host, i): PrimaryIp => sampleAddress(200 + i, host.cloud.serverName, host.cloud.location, 100 + i),
    ),
    networks: [
      {
        id: 1,
        name: names.network,
        ip_range: cloud.network.range,
        subnets: [],
        servers: [],
        protection: { delete: false },
        labels,
      },
    ],
    firewalls: [
      { id: 2, name: names.firewall, labels },
      { id: 3, name: names.neardFirewall, labels },
    ],
    ssh_keys: [
      { id: 4, name: names.sshKey, fingerprint: "", public_key: `${sampleHostKey("operator")} a comment`, labels },
    ],
    placement_groups: groups,
  };
  const one = (type: string, name: string, outputs: object) => [urn(type, name), { type, outputs }] as const;
  const resources = Object.fromEntries([
    one("hcloud:index/network:Network", "network", { id: "1" }),
    one("hcloud:index/networkSubnet:NetworkSubnet", "subnet", { id: `1-${cloud.network.subnet}` }),
    one("hcloud:index/firewall:Firewall", "firewall", { id: "2" }),
    one("hcloud:index/firewall:Firewall", "firewall-neard", { id: "3" }),
    one("hcloud:index/sshKey:SshKey", "ssh-key", { id: "4" }),
    ...groups.map(({ id, location }) =>
      one("hcloud:index/placementGroup:PlacementGroup", `spread-${location}`, { id: String(id) }),
    ),
    ...hosts.filter(hasRole("neard")).map(({ name }) => one("command:remote:Command", `${name}-neard`, {})),
    ...hosts.flatMap(({ name, address, cloud: at }, i) => [
      one("hcloud:index/server:Server", name, {
        id: String(100 + i),
        name: at.serverName,
        serverType: at.serverType,
        firewallIds: [2, 3],
      }),
      one("hcloud:index/primaryIp:PrimaryIp", `${name}-address`, {
        id: String(200 + i),
        ipAddress: `203.0.113.${i + 1}`,
        deleteProtection: at.protect,
      }),
      one("hcloud:index/serverNetwork:ServerNetwork", `${name}-private`, { id: `${100 + i}-1`, ip: address }),
      one("pulumi:index:Stash", `${name}-host-key`, {
        output: { publicKey: sampleHostKey(name), privateKey: "secret" },
      }),
      one("command:remote:Command", `${name}-runtime-prepare`, {}),
    ]),
  ]);
  return { facts, resources };
}

/** A project that has nothing. */
export const emptyProject: ProjectFacts = {
  servers: [],
  networks: [],
  primary_ips: [],
  placement_groups: [],
  firewalls: [],
  ssh_keys: [],
};

/** The state without the resources of these names. */
export function stateWithout(resources: ResourceOutputs, ...names: readonly string[]): CloudState {
  const isKept = (urn: string) => !names.some((name) => urn.endsWith(`::${name}`));
  return cloudStateFrom(Object.fromEntries(Object.entries(resources).filter(([urn]) => isKept(urn))));
}

export const wholeState = (topology: Topology): CloudState => cloudStateFrom(wholeCloud(topology).resources);

function sampleServer(
  id: number,
  name: string,
  { serverType, location }: { readonly serverType: string; readonly location: string },
  address: string,
): Server {
  return {
    id,
    name,
    status: "running",
    locked: false,
    created: "2026-11-01T00:00:00+00:00",
    server_type: { id: 1, name: serverType },
    location: { name: location },
    public_net: {
      ipv4: { id: id + 100, ip: `203.0.113.${id - 99}` },
      ipv6: null,
      firewalls: [2, 3].map((firewall) => ({ id: firewall, status: "applied" })),
    },
    private_net: [{ network: 1, ip: address, mac_address: "86:00:00:00:00:01" }],
    protection: { delete: false, rebuild: false },
    primary_disk_size: 80,
    labels,
  };
}

function sampleAddress(id: number, name: string, location: string, assignee: number): PrimaryIp {
  return {
    id,
    name,
    ip: `203.0.113.${id - 199}`,
    type: "ipv4",
    assignee_id: assignee,
    auto_delete: false,
    protection: { delete: true },
    location: { name: location },
    labels,
  };
}

const everywhere = ["fsn1", "nbg1", "hel1", "ash"];

/** @param offered where it has capacity */
export function sampleType(
  name: string,
  [cores, memory, disk]: readonly [cores: number, memory: number, disk: number],
  offered: readonly string[] = everywhere,
  more: Partial<ServerType> = {},
): ServerType {
  return {
    id: 1,
    name,
    cores,
    memory,
    disk,
    architecture: name.startsWith("cax") ? "arm" : "x86",
    deprecation: null,
    prices: everywhere.map((location) => ({ location, price_monthly: { net: "4.1900000000" } })),
    locations: everywhere.map((location) => ({
      name: location,
      available: offered.includes(location),
      recommended: false,
      deprecation: null,
    })),
    ...more,
  };
}

export const sampleTypes: readonly ServerType[] = [
  sampleType("cx23", [2, 4, 40]),
  sampleType("cx33", [4, 8, 80]),
  sampleType("cx43", [8, 16, 160]),
  sampleType("cax21", [4, 8, 80]),
  sampleType("ccx63", [48, 192, 960]),
];

export const sampleLocations = [
  ["fsn1", "eu-central"],
  ["nbg1", "eu-central"],
  ["hel1", "eu-central"],
  ["ash", "us-east"],
].map(([name = "", network_zone = ""], i) => ({ id: i + 1, name, network_zone, city: "", country: "" }));

export function sampleImage(more: Partial<Image> = {}): Image {
  return {
    id: 1,
    name: "debian-13",
    description: "",
    type: "system",
    status: "available",
    os_flavor: "debian",
    architecture: "x86",
    deprecated: null,
    labels,
    ...more,
  };
}
