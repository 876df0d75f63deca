/**
 * Hosts that the stack has deployed to, and of which its state knows nothing at Hetzner any more. Pure.
 *
 * Awkward case: such a state looks like a new one. It is not, when it has deployed to the very hosts; and whatever is made anew is
 * made beside what may well run, with the same key.
 */
import { replaceVariable } from "../../contract/cloud.ts";
import { majority } from "../../contract/quorum.ts";
import type { Fault } from "../config/faults.ts";
import { type HostAtCloud, hasRole, isAtCloud, type Topology } from "../config/topology.ts";
import { addressInState, type CloudState, type ProjectFacts, serverInState } from "./cloud-state.ts";

/**
 * Whether Hetzner has anything that may be the host's server: by its name, by holdfast's labels, or by its place in the private
 * network. Only of use in the project that is known to be the right one.
 */
export function hasTrace({ cloud }: Pick<Topology, "cloud">, host: HostAtCloud, { servers }: ProjectFacts): boolean {
  return servers.some(
    ({ name, labels, private_net }) =>
      name === host.cloud.serverName ||
      (labels["holdfast-cluster"] === cloud?.name && labels["holdfast-host"] === host.name) ||
      private_net.some(({ ip }) => ip === host.address),
  );
}

/** Names of hosts that the stack has deployed to, and of which it knows no server and no address at Hetzner. */
export function lostHosts({ hosts }: Pick<Topology, "hosts">, state: CloudState): string[] {
  const adopting = new Set(hosts.filter((host) => host.cloud?.adopt != null).map(({ name }) => name));
  return (
    hosts
      .filter(isAtCloud)
      .map(({ name }) => name)
      // What is adopted is named by its id, and nothing is made.
      .filter((name) => state.prepared.has(name) && !adopting.has(name))
      .filter((name) => serverInState(state, name) === undefined && addressInState(state, name) === undefined)
  );
}

/**
 * Of a state that has lost them: whatever is made anew is made beside what may well run, with the same key. Said alone, and
 * before any question to an API: the token may be of a project that has nothing of it.
 * @param replaceable hosts of which the operator has said that they may go
 */
export function lostFaults(
  topology: Pick<Topology, "hosts">,
  state: CloudState,
  replaceable: ReadonlySet<string>,
): Fault[] {
  const lost = lostHosts(topology, state);
  // Where no host is left, whatever was made would be a cluster of its own: nobody could say that the old one is there. Nor
  // could one that is new.
  const isAll = topology.hosts.every(({ name }) => lost.includes(name) || !state.prepared.has(name));
  const untold = lost.filter((name) => isAll || !replaceable.has(name));
  if (untold.length === 0) return [];
  const [first = ""] = untold;
  const [them, they] = untold.length === 1 ? ["it", "it"] : ["them", "they"];
  const servers = topology.hosts.filter(hasRole("consul"));
  const left = servers.filter(({ name }) => !lost.includes(name)).length;
  const begin = isAll
    ? "begin a new stack"
    : `${replaceVariable}=${lost.join(",")} pulumi up${left >= majority(servers.length) ? "" : `; but ${left} of ${servers.length} Consul servers are no majority, which has to be mended first (docs/operate/replace-a-host.md, "Most Consul servers are gone for good")`}`;
  return [
    {
      code: "HF_CLOUD",
      message: `The stack has deployed to ${untold.join(", ")}, but its state has no server and no public address of ${them} at Hetzner: made anew, ${they} could be there twice`,
      next: `If the state has lost them, bring an earlier one back, or have what is there adopted: docs/operate/lost-state.md. If ${first} was a host that exists, give the one at the cloud another name. If ${lost.length === 1 ? "its server and address" : "the servers and addresses of all of them"} were deleted for good: ${begin}.`,
    },
  ];
}
