/**
 * What the hosts at Hetzner Cloud need there, as data: names, labels, packet filter, placement groups. Pure; what makes it is
 * infra/components/cloud.ts.
 */
import { familyOf } from "../../contract/address.ts";
import { ports } from "../../contract/paths.ts";
import { cloudBlock } from "../config/private-network.ts";
import { type Cloud, type HostAtCloud, hasRole, isAtCloud, type Topology } from "../config/topology.ts";

export interface FirewallRule {
  readonly description: string;
  readonly protocol: "tcp" | "icmp";
  readonly port?: string;
  /** CIDR blocks, each beginning where it should. */
  readonly sourceIps: readonly string[];
}

export interface CloudHostPlan {
  readonly host: HostAtCloud;
  readonly labels: Readonly<Record<string, string>>;
  /** The location whose placement group it is in; null: in none. */
  readonly spreadIn: string | null;
  /** Whether the firewall for hosts with neard is for it. */
  readonly hasNeard: boolean;
}

export interface CloudPlan {
  readonly cloud: Cloud;
  readonly labels: Readonly<Record<string, string>>;
  /** For every host, and for those with neard besides. */
  readonly firewall: { readonly all: readonly FirewallRule[]; readonly neard: readonly FirewallRule[] };
  /** A placement group each: by location, and whether Pulumi refuses to delete it. */
  readonly spread: readonly { readonly location: string; readonly protect: boolean }[];
  /** By name. */
  readonly hosts: readonly CloudHostPlan[];
}

/** Hetzner: addresses in one rule. */
const mostSources = 100;
const everywhere = ["0.0.0.0/0", "::/0"];

/** Names at Hetzner of what is there once. They are fixed: a run that was cut off meets its own things again, and makes no twins. */
export function cloudNames({ name }: Pick<Cloud, "name">) {
  return {
    network: name,
    sshKey: name,
    firewall: name,
    neardFirewall: `${name}-neard`,
    placementGroup: (location: string) => `${name}-${location}`,
  };
}

/** Null: the stack has no section hcloud. */
export function planCloud(topology: Topology): CloudPlan | null {
  const { cloud } = topology;
  if (cloud === null) return null;
  const labels = { ...cloud.labels, "holdfast-cluster": cloud.name };
  const hosts = topology.hosts.filter(isAtCloud);
  const locations = [...new Set(cloud.spread ? hosts.map((host) => host.cloud.location) : [])].toSorted();
  return {
    cloud,
    labels,
    firewall: firewallRules(topology),
    spread: locations.map((location) => ({
      location,
      // One that nobody needs protected can go together with its last host.
      protect: hosts.some((host) => host.cloud.location === location && host.cloud.protect),
    })),
    hosts: hosts.map((host) => ({
      host,
      labels: { ...labels, "holdfast-host": host.name },
      spreadIn: cloud.spread ? host.cloud.location : null,
      hasNeard: hasRole("neard")(host),
    })),
  };
}

/**
 * The same as the hosts' own packet filter (firewall.ts) lets in from outside; the private network is not filtered at Hetzner.
 * A firewall there without rules lets in what it had before: so each has some that never go.
 */
function firewallRules({ firewall, neard }: Topology): CloudPlan["firewall"] {
  return {
    all: [
      { description: "ping, and what networks say of packets", protocol: "icmp", sourceIps: everywhere },
      ...tcpFrom(firewall.ssh, ports.ssh, "SSH"),
      ...tcpFrom(firewall.monitoring, ports.agentHttp, "health, status and metrics"),
    ],
    neard: [{ description: "neard's peers", protocol: "tcp", port: String(neard.networkPort), sourceIps: everywhere }],
  };
}

function tcpFrom(blocks: readonly string[], port: number, description: string): FirewallRule[] {
  const sources = [...new Set(blocks.map(cloudBlock))].toSorted(byFamily);
  const rules: FirewallRule[] = [];
  for (let at = 0; at < sources.length; at += mostSources)
    rules.push({ description, protocol: "tcp", port: String(port), sourceIps: sources.slice(at, at + mostSources) });
  return rules;
}

const byFamily = (a: string, b: string) =>
  familyOf(a) === familyOf(b) ? (a < b ? -1 : a > b ? 1 : 0) : familyOf(a) === "ipv4" ? -1 : 1;
