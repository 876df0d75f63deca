/**
 * The concern `acl`, once for the cluster: one policy and one token for each host, shared by its Consul
 * and its agent. A host may speak for itself and for nobody else, and only neard hosts may touch the lock.
 */

import { consulKeys } from "../../contract/topology.ts";
import type { HostSpecInput } from "../../contract/wire/host-spec.ts";
import { type Host, hasRole, type Topology } from "../config/topology.ts";
import { autopilot } from "./consul-config.ts";
import { clusterSecrets, hostSecret } from "./secret-names.ts";

/** The first Consul host of the configuration carries it out; any would do. @param leftOut see infra/left-out.ts */
export function aclSpec(topology: Topology, leftOut: ReadonlySet<string>): HostSpecInput {
  const host = topology.hosts.filter(({ name }) => !leftOut.has(name)).find(hasRole("consul"));
  if (host === undefined) throw new TypeError("a topology without Consul hosts has passed the checks");
  return {
    host: host.name,
    concern: "acl",
    acl: {
      managementSecret: clusterSecrets.managementToken,
      policies: topology.hosts.map((member) => ({ name: policyName(member), rules: policyRules(topology, member) })),
      tokens: topology.hosts.map((member) => ({
        name: policyName(member),
        accessorSecret: hostSecret(member.name, "consul-accessor"),
        secret: hostSecret(member.name, "consul-token"),
        policies: [policyName(member)],
      })),
      ...(topology.gone.length === 0 ? {} : { gone: [...topology.gone] }),
      autopilot,
    },
  };
}

/**
 * Who takes back a host's token once the host has left: the Consul host after it, in the order of the
 * configuration. Not the first for all: then nobody could when that one leaves.
 */
export function tokenKeeper(topology: Topology, host: Host): Host {
  const at = topology.hosts.findIndex(({ name }) => name === host.name);
  const others = [...topology.hosts.slice(at + 1), ...topology.hosts.slice(0, at)];
  const keeper = others.find(hasRole("consul"));
  if (keeper === undefined) throw new TypeError("a topology with one Consul host has passed the checks");
  return keeper;
}

function policyName(host: Host): string {
  return `holdfast-${host.name}`;
}

function policyRules(topology: Topology, host: Host): string[] {
  const keys = consulKeys(topology.network, topology.account);
  const rule = (kind: string, name: string, policy: string) => `${kind} "${name}" { policy = "${policy}" }`;
  return [
    // Its own registration and its own sessions; `agent` also covers leaving the cluster.
    rule("node", host.name, "write"),
    rule("agent", host.name, "write"),
    rule("session", host.name, "write"),
    // To see the members, who leads, and who holds the lock.
    rule("node_prefix", "", "read"),
    rule("service_prefix", "", "read"),
    rule("session_prefix", "", "read"),
    'operator = "read"',
    rule("key_prefix", keys.root, "read"),
    rule("key_prefix", keys.historyPrefix, "read"),
    // One host at a time may be changed: every host takes part in that.
    rule("key", keys.maintenance, "write"),
    rule("key", keys.maintenanceFailure, "write"),
    // An operator may ask any agent to pause.
    rule("key", keys.pause, "write"),
    ...(hasRole("neard")(host)
      ? [
          rule("key", keys.lock, "write"),
          rule("key", keys.switchover, "write"),
          rule("key", keys.host(host.name), "write"),
          rule("key", keys.connections(host.name), "write"),
          rule("key_prefix", keys.connections(""), "read"),
          rule("key_prefix", keys.historyPrefix, "write"),
        ]
      : []),
  ];
}
