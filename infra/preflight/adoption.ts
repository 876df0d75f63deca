/**
 * Whether a server that runs at Hetzner, and its public address, can be taken over as they are. Pure.
 *
 * Idea: Pulumi imports both by their ids, and brings in place what can be brought: names, labels, firewalls, protection. Whatever
 * would cost it its power, or its address, must be as the settings have it before.
 * Awkward case: afterwards. The settings must name what was adopted until it is replaced, or the provider takes the address away.
 */
import type { PrimaryIp, Server } from "../../hcloud/schemas.ts";
import { configFault, type Fault } from "../config/faults.ts";
import { type Adoption, type HostAtCloud, isAtCloud, type Topology } from "../config/topology.ts";
import { addressInState, type CloudState, type ProjectFacts, serverInState, wasAdopted } from "./cloud-state.ts";

export function adoptionFaults(hosts: readonly HostAtCloud[], state: CloudState, facts: ProjectFacts): Fault[] {
  return hosts.flatMap((host) => {
    const { adopt } = host.cloud;
    const server = serverInState(state, host.name);
    if (server !== undefined)
      return [...forgottenFaults(host, state, server.id), ...otherFaults(host, state, server.id, facts)];
    return adopt === null ? [] : newFaults(host, adopt, state, facts);
  });
}

/** Public addresses of the servers that are adopted in this run, by the names of the hosts that they become. */
export function addressesToAdopt(
  { hosts }: Pick<Topology, "hosts">,
  state: CloudState,
  { primary_ips }: Pick<ProjectFacts, "primary_ips">,
): ReadonlyMap<string, string> {
  return new Map(
    hosts.filter(isAtCloud).flatMap(({ name, cloud: { adopt } }) => {
      const address = primary_ips.find(({ id }) => id === adopt?.primaryIp);
      return address === undefined || serverInState(state, name) !== undefined ? [] : [[name, address.ip] as const];
    }),
  );
}

/** Of a host whose server was adopted, and is still that one. */
function forgottenFaults({ name, cloud: { adopt } }: HostAtCloud, state: CloudState, server: number): Fault[] {
  if (!wasAdopted(state, name, server) || adopt?.server === server) return [];
  return [
    configFault(
      `holdfast:hosts, ${name}: its server ${server} was adopted, and cloud.adopt does not name it any more: Pulumi would cut its power and take its public address away`,
      `Put cloud.adopt (server ${server}, and its primaryIp) and hostKey back, until the server is replaced: holdfast replace ${name}.`,
    ),
  ];
}

/** A host that has a server, and shall have another one that runs. Once its own was replaced the adopted one is gone, and may be named. */
function otherFaults(
  { name, cloud: { adopt } }: HostAtCloud,
  state: CloudState,
  own: number,
  facts: ProjectFacts,
): Fault[] {
  // One that was adopted is told by the rule above.
  if (adopt === null || adopt.server === own || wasAdopted(state, name, own)) return [];
  // Where the stack's own was deleted, a refresh has to see that first: a doubt, which is told.
  if (![own, adopt.server].every((wanted) => facts.servers.some(({ id }) => id === wanted))) return [];
  return [
    configFault(
      `holdfast:hosts, ${name}, cloud.adopt: ${name} has a server of this stack's (${own}), so the server ${adopt.server} would not be taken over`,
      `Give the server ${adopt.server} to a host of another name, and remove cloud.adopt and hostKey of ${name}.`,
    ),
  ];
}

/** Before anything is imported: all that is against it. */
function newFaults(host: HostAtCloud, adopt: Adoption, state: CloudState, facts: ProjectFacts): Fault[] {
  const at = `holdfast:hosts, ${host.name}, cloud.adopt`;
  const server = facts.servers.find(({ id }) => id === adopt.server);
  const address = facts.primary_ips.find(({ id }) => id === adopt.primaryIp);
  if (server === undefined && wasAdopted(state, host.name, adopt.server)) return [deleted(at, host, adopt.server)];
  return [
    ...(server === undefined
      ? [missing(`${at}: the token's project has no server ${adopt.server}`, facts.servers)]
      : serverFaults(at, host, server, state)),
    ...(address === undefined
      ? [missing(`${at}: the token's project has no primary IP ${adopt.primaryIp}`, facts.primary_ips)]
      : addressFaults(at, host, address, adopt.server, state)),
  ];
}

/** Its address has outlived it. */
const deleted = (at: string, { name }: HostAtCloud, server: number): Fault =>
  configFault(
    `${at}: the server ${server}, which was adopted, is not there any more`,
    `If it was deleted for good, remove cloud.adopt and hostKey of ${name}: pulumi up makes another one then, at the same address.`,
  );

function missing(message: string, all: readonly { readonly id: number; readonly name: string }[]): Fault {
  const list = all.slice(0, 8).map(({ id, name }) => `${id} (${name})`);
  return configFault(
    message,
    list.length === 0
      ? "It has none at all: set the token of the right project."
      : `It has ${list.join(", ")}${all.length > 8 ? ` and ${all.length - 8} more` : ""}.`,
  );
}

function serverFaults(at: string, { name, cloud }: HostAtCloud, server: Server, { things }: CloudState): Fault[] {
  const of = `${at}: the server ${server.id}`;
  const owner = things.find(({ kind, id }) => kind === "servers" && id === server.id);
  const cluster = server.labels["holdfast-cluster"];
  return [
    ...(owner === undefined
      ? []
      : [configFault(`${of} is ${owner.resource}'s in this very stack`, `Remove cloud.adopt of ${name}.`)]),
    ...(owner !== undefined || cluster === undefined || cluster === cloud.serverName.slice(0, -name.length - 1)
      ? []
      : [
          configFault(
            `${of} has the label holdfast-cluster: ${cluster}, so another stack has made it`,
            "Have that stack give it up first; remove the label then.",
          ),
        ]),
    ...(server.location.name === cloud.location
      ? []
      : [
          configFault(
            `${of} is in ${server.location.name}, and cloud.location is ${cloud.location}`,
            `Set cloud.location to ${server.location.name}: no server can move.`,
          ),
        ]),
    ...(server.server_type.name === cloud.serverType
      ? []
      : [
          configFault(
            `${of} is of the type ${server.server_type.name}, and cloud.serverType is ${cloud.serverType}: its power would be cut`,
            `Set cloud.serverType to ${server.server_type.name}; it can be changed in a later run.`,
          ),
        ]),
    ...(server.protection.delete || server.protection.rebuild
      ? [
          configFault(
            `${of} is protected from deletion or rebuilding at Hetzner, which would end its later replacement in the middle`,
            "Lift that in Hetzner's console; cloud.protect has Pulumi refuse instead.",
          ),
        ]
      : []),
    ...(server.status === "running"
      ? []
      : [configFault(`${of} is ${server.status}, not running`, "Start it first, and look at it.")]),
  ];
}

function addressFaults(
  at: string,
  { name }: HostAtCloud,
  { id, ip, type, assignee_id }: PrimaryIp,
  server: number,
  state: CloudState,
): Fault[] {
  const of = `${at}: the primary IP ${id} (${ip})`;
  const known = addressInState(state, name);
  return [
    ...(known === undefined || known.id === id
      ? []
      : [
          configFault(
            `${of} is not the one that ${name} has in this stack (${known.id})`,
            "Give the host another name: one that has an address already adopts none.",
          ),
        ]),
    ...(type === "ipv4" ? [] : [configFault(`${of} is no IPv4 address`, "Give the one that is.")]),
    ...(assignee_id === server
      ? []
      : [
          configFault(
            `${of} is ${assignee_id == null ? "not assigned to any server" : `that of the server ${assignee_id}`}, not of ${server}`,
            "Give the primary IP that this server has.",
          ),
        ]),
  ];
}
