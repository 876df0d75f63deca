/**
 * Whether the token is of the project that this stack's things are in, and whether they are as the state has them. Pure.
 *
 * Why it matters: with a token of another project Pulumi would drop everything from the state, protected or not, and make a second
 * cluster, which has the same validator key. So nothing is registered before one known id has answered, or the state is new
 * and the project has nothing of this stack's names.
 * A state that has lost its things at Hetzner looks like a new one: lost-hosts.ts.
 */

import { withoutVariable } from "../../contract/cloud.ts";
import type { PrimaryIp, Server } from "../../hcloud/schemas.ts";
import { serverFaults, type WantedServer } from "../../hcloud/server-faults.ts";
import { configFault, type Fault } from "../config/faults.ts";
import { type Cloud, type HostAtCloud, hasRole, isAtCloud, type Topology } from "../config/topology.ts";
import { cloudNames } from "../plan/cloud.ts";
import { adoptionFaults } from "./adoption.ts";
import {
  addressInState,
  type CloudState,
  type Kind,
  type ProjectFacts,
  serverInState,
  type ThingInState,
} from "./cloud-state.ts";
import { networkFaults, sharedThings, thingsToTakeOver } from "./shared-things.ts";

const words: Readonly<Record<Kind, string>> = {
  servers: "server",
  networks: "network",
  primary_ips: "public address",
  placement_groups: "placement group",
  firewalls: "firewall",
  ssh_keys: "SSH key",
};

const fault = (message: string, next: string): Fault => ({ code: "HF_CLOUD", message, next });
/** What matters most comes first. */
const kindOrder: readonly Kind[] = ["servers", "networks", "primary_ips", "firewalls", "placement_groups", "ssh_keys"];
const titled = ({ kind, id, resource }: ThingInState) =>
  kind === "servers" ? `server ${id} of ${resource}` : `${words[kind]} ${id}`;
const listed = (things: readonly ThingInState[]) => {
  const titles = things.toSorted((a, b) => kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind)).map(titled);
  return titles.length <= 4 ? titles.join(", ") : `${titles.slice(0, 3).join(", ")} and ${titles.length - 3} more`;
};

/** Of a stack without the section hcloud: nothing else would be looked at, and its servers would be deleted. */
export function sectionFaults({ things }: CloudState): Fault[] {
  const ofHosts = things.filter(({ kind }) => kind === "servers" || kind === "primary_ips");
  if (ofHosts.length === 0) return [];
  return [
    configFault(
      `holdfast:hcloud is missing, but the stack has things of its hosts at Hetzner (${listed(ofHosts)})`,
      "Put the section back, and the hosts' cloud with it. To have none there any more, take these hosts out first, while the section is there: docs/operate/cloud.md.",
    ),
  ];
}

/** Said alone: whatever else would be said then is about somebody else's things. */
export function projectFaults({ things }: CloudState, facts: ProjectFacts): Fault[] {
  const missing = things.filter((thing) => !facts[thing.kind].some(({ id }) => id === thing.id));
  if (things.length === 0 || missing.length < things.length) return [];
  return [
    fault(
      `holdfast:hcloud.token is of another project than this stack's: that one has none of what the stack has made (${listed(things)})`,
      "Set a token of the right project: pulumi config set --secret --path holdfast:hcloud.token < TOKENFILE. Only if somebody deleted all of it there, and the validator runs nowhere: begin a new stack.",
    ),
  ];
}

/** What a run without --refresh does not mend, and one with it does; whether this one refreshes a program is not told. */
export interface Doubt {
  readonly host: string;
  /** A sentence without its full stop. */
  readonly message: string;
}

export interface ThingsSeen {
  readonly faults: readonly Fault[];
  readonly doubts: readonly Doubt[];
  /** Names of hosts that this run completes: whether it did is asked afterwards, without a word before. */
  readonly unfinished: readonly string[];
}

/**
 * Of a project that is the right one.
 * @param replaceable hosts whose server may go in this run: how it is now is no matter any more
 * @param leftOut hosts that this run leaves as they are: that they are off may be why
 */
export function judgeThings(
  topology: Topology,
  cloud: Cloud,
  state: CloudState,
  facts: ProjectFacts,
  replaceable: ReadonlySet<string>,
  leftOut: ReadonlySet<string> = new Set(),
): ThingsSeen {
  const hosts = topology.hosts.filter(isAtCloud);
  const takingOver = thingsToTakeOver({ adopt: topology.adopt, hosts }, cloud, state, facts);
  const staying = hosts.filter(({ name }) => !replaceable.has(name) && !leftOut.has(name));
  return {
    faults: [
      ...goneFaults(state, facts),
      ...takenFaults(topology, hosts, cloud, takingOver, state, facts),
      ...networkFaults(cloud, takingOver, facts),
      ...sshKeyFaults(cloud, state, facts),
      ...hosts.flatMap((host) => locationFaults(host, state, facts)),
      ...hosts.flatMap((host) => heldFaults(host, state, facts, replaceable)),
      ...adoptionFaults(hosts, state, facts),
      ...staying.flatMap((host) => hostFaults(host, state, facts)),
      ...turnedFaults(topology, state),
      ...leavingFaults(topology, state, facts),
    ],
    doubts: staying.flatMap((host) => hostDoubts(host, state, facts)),
    unfinished: staying
      .map(({ name }) => name)
      .filter((name) => serverInState(state, name) !== undefined && !isWhole(state, name)),
  };
}

/** Deleted by hand: an update does not look, and would not notice. A server is a doubt: it can come back in this very run. */
function goneFaults({ things }: CloudState, facts: ProjectFacts): Fault[] {
  const missing = things.filter(
    (thing) => thing.kind !== "servers" && !facts[thing.kind].some(({ id }) => id === thing.id),
  );
  if (missing.length === 0) return [];
  return [
    fault(
      `Hetzner does not have ${listed(missing)} any more, which the stack's state has`,
      "If it was deleted on purpose, run pulumi refresh, and then pulumi up, which makes it anew.",
    ),
  ];
}

/** Of a run that was cut off, of another stack, or of a state that is lost: names are unique in a project. */
function takenFaults(
  { adopt }: Pick<Topology, "adopt">,
  hosts: readonly HostAtCloud[],
  cloud: Cloud,
  takingOver: ReadonlyMap<string, string>,
  state: CloudState,
  facts: ProjectFacts,
): Fault[] {
  const servers = new Set(hosts.map((host) => host.cloud.serverName));
  const adopted = {
    servers: hosts.map((host) => host.cloud.adopt?.server),
    primary_ips: hosts.map((host) => host.cloud.adopt?.primaryIp),
  };
  const free = (kind: Kind, names: ReadonlySet<string>, ours: readonly (number | undefined)[]) =>
    facts[kind]
      .filter(({ id, name }) => names.has(name) && !ours.includes(id))
      .filter(({ id }) => !state.things.some((thing) => thing.kind === kind && thing.id === id))
      .map(({ id, name }) => ({ kind, message: `${words[kind]} ${name} (id ${id})` }));
  return [
    ...(["servers", "primary_ips"] as const).flatMap((kind) => free(kind, servers, adopted[kind])),
    ...sharedThings(cloud, hosts).flatMap(({ kind, name, resource }) =>
      free(kind, new Set([name]), [Number(takingOver.get(resource))]),
    ),
  ].map(({ kind, message }) =>
    fault(
      `Hetzner has a ${message} already, which is not in this stack's state`,
      kind === "servers" || kind === "primary_ips"
        ? "If a pulumi up of this stack that was cut off has made it, and nothing was deployed to it, delete it there; if it serves, adopt it (cloud.adopt, docs/operate/cloud.md). If it is somebody else's, set holdfast:hcloud.name to another name."
        : `If a pulumi up of this stack that was cut off has made it, and nothing is in it, delete it there; if it is somebody else's, set holdfast:hcloud.name to another name.${adopt === null ? " If this stack has lost its state: docs/operate/lost-state.md." : ` It is not taken over with holdfast:adopt, for it has not the label holdfast-cluster: ${cloud.name}.`}`,
    ),
  );
}

/** A key can be in a project but once, whatever it is called. */
function sshKeyFaults(cloud: Cloud, { things }: CloudState, { ssh_keys: keys }: ProjectFacts): Fault[] {
  const { sshKey } = cloud;
  if ("name" in sshKey)
    return keys.some(({ name }) => name === sshKey.name)
      ? []
      : [
          fault(
            `holdfast:hcloud.sshKeyName is ${sshKey.name}, but the project has no SSH key of that name${keys.length === 0 ? "" : `, only ${keys.map(({ name }) => name).join(", ")}`}`,
            "Correct it, or leave it out: then holdfast registers the key of this stack.",
          ),
        ];
  const bare = (key: string) => key.trim().split(/\s+/).slice(0, 2).join(" ");
  // One of our own name was told already.
  const others = keys.filter(({ name }) => name !== cloudNames(cloud).sshKey);
  const same = others.find((key) => bare(key.public_key) === sshKey.publicKey);
  if (same === undefined || things.some(({ kind, id }) => kind === "ssh_keys" && id === same.id)) return [];
  return [
    fault(
      `The project has this stack's SSH key already, under the name ${same.name} (id ${same.id}), and takes none twice`,
      `If it is to be used as it is: pulumi config set --path holdfast:hcloud.sshKeyName ${same.name}. Otherwise delete it there, or give this stack a key of its own.`,
    ),
  ];
}

/**
 * Of a server that may be replaced as well: the new one would be made where its address cannot be, after the old one was
 * deleted. And of a host that has no server (yet), for the same reason.
 */
function locationFaults(host: HostAtCloud, state: CloudState, { servers, primary_ips }: ProjectFacts): Fault[] {
  const { name, cloud } = host;
  const server = servers.find(({ id }) => id === serverInState(state, name)?.id);
  const address = primary_ips.find(({ id }) => id === addressInState(state, name)?.id);
  const elsewhere = [
    ...(server === undefined ? [] : [{ what: `server ${server.id}`, where: server.location.name }]),
    ...(address === undefined ? [] : [{ what: `public address ${address.ip}`, where: address.location.name }]),
  ].filter(({ where }) => where !== cloud.location);
  if (elsewhere.length === 0) return [];
  const where = [...new Set(elsewhere.map((one) => one.where))].join(" and ");
  return [
    fault(
      `${name} (${elsewhere.map(({ what }) => what).join(", ")}) is in ${where}, but its cloud.location is ${cloud.location}, and nothing of it can move there`,
      `Set its cloud.location back to ${where}. To move it, add a host of another name in ${cloud.location}, and take this one out when that one is in sync.`,
    ),
  ];
}

/** The server that has the host's address, where that is none of the host's in the state: a new one would not get it. */
function holderOf(name: string, state: CloudState, { primary_ips, servers }: ProjectFacts) {
  const known = addressInState(state, name);
  const address = primary_ips.find(({ id }) => id === known?.id);
  const holder = address?.assignee_id ?? undefined;
  if (known === undefined || address === undefined || holder === undefined) return undefined;
  if (holder === serverInState(state, name)?.id) return undefined;
  const called = servers.find(({ id }) => id === holder)?.name;
  const server = `the server ${holder}${called === undefined ? "" : ` (${called})`}`;
  const forget = `give the address another name in Hetzner's console, and have the stack forget it: pulumi state delete --force '${known.urn}'`;
  return { ip: address.ip, address: address.id, id: holder, server, forget };
}

/**
 * Of a host to which a server is to be made, in the place of another one or not: an adoption that was given up after its address
 * was imported, or an address that somebody has moved. The API would say so after the old server was deleted.
 */
function heldFaults(
  { name, cloud }: HostAtCloud,
  state: CloudState,
  facts: ProjectFacts,
  replaceable: ReadonlySet<string>,
): Fault[] {
  const own = serverInState(state, name);
  const held = holderOf(name, state, facts);
  // Of one that is to be adopted adoption.ts tells, of one that stays there is a doubt.
  const isMade =
    own === undefined ? cloud.adopt === null : replaceable.has(name) || !facts.servers.some(({ id }) => id === own.id);
  if (held === undefined || !isMade) return [];
  return [
    fault(
      `${name}: its public address ${held.ip} is that of ${held.server}, which this stack does not have, so no other server can be made under it`,
      `If that server was being adopted, put cloud.adopt (server: ${held.id}, primaryIp: ${held.address}) and hostKey of ${name} back. If not, ${held.forget}. Or take the address from that server there.`,
    ),
  ];
}

/** Nothing that a run mends, whatever it does. */
function hostFaults(host: HostAtCloud, state: CloudState, { servers }: ProjectFacts): Fault[] {
  const { name } = host;
  const server = servers.find(({ id }) => id === serverInState(state, name)?.id);
  if (server === undefined) return [];
  const at = `${name} (server ${server.id})`;
  if (server.status === "off")
    return [
      fault(
        `${at} has no power`,
        `If it was fenced, find out why first (holdfast status). Then start it in Hetzner's console, and run pulumi up again. To change the others meanwhile: ${withoutVariable}=${name} pulumi up.`,
      ),
    ];
  // One that is starting is waited for.
  if (["running", "initializing", "starting"].includes(server.status)) return [];
  return [fault(`${at} is ${server.status}`, "Look at it in Hetzner's console, and run pulumi up again when it runs.")];
}

/**
 * Of what the state has whole: what it lacks is made in this run. A server that is not there any more is lost whatever else is.
 * Compared is with the state, not with the settings: what these change an update sees, and brings about.
 */
function hostDoubts({ name, address, cloud }: HostAtCloud, state: CloudState, facts: ProjectFacts): Doubt[] {
  const known = serverInState(state, name);
  if (known === undefined) return [];
  const server = facts.servers.find(({ id }) => id === known.id) ?? null;
  if (server !== null && !isWhole(state, name)) return [];
  const { firewallIds, name: serverName, serverType } = known.outputs;
  const own = addressInState(state, name);
  const wanted: WantedServer = {
    host: name,
    serverName: String(serverName ?? cloud.serverName),
    serverType: String(serverType ?? cloud.serverType),
    privateAddress: state.attached.get(name) ?? address,
    protectsAddress: own?.outputs.deleteProtection === true,
    firewalls: Array.isArray(firewallIds) ? firewallIds.map(Number) : [],
  };
  const ip = facts.primary_ips.find(({ id }) => id === own?.id) ?? null;
  return mendable(wanted, server, ip).slice(0, server === null ? 1 : undefined);
}

const isWhole = (state: CloudState, name: string) => state.attached.has(name) && state.places.has(name);

/** What is still amiss with hosts of which there was a doubt, now that everything is made. */
export function remainingFaults(
  cloud: Pick<Cloud, "name">,
  hosts: readonly HostAtCloud[],
  serverIds: ReadonlyMap<string, number>,
  facts: Pick<ProjectFacts, "servers" | "primary_ips" | "firewalls">,
): Fault[] {
  const { firewall, neardFirewall } = cloudNames(cloud);
  const idsOf = (...names: string[]) => facts.firewalls.filter(({ name }) => names.includes(name)).map(({ id }) => id);
  return hosts.flatMap((host) => {
    const { serverName, serverType, protect } = host.cloud;
    const server = facts.servers.find(({ id }) => id === serverIds.get(host.name)) ?? null;
    const wanted: WantedServer = {
      host: host.name,
      serverName,
      serverType,
      privateAddress: host.address,
      protectsAddress: protect,
      firewalls: idsOf(firewall, ...(hasRole("neard")(host) ? [neardFirewall] : [])),
    };
    const ip = facts.primary_ips.find((one) => one.name === serverName) ?? null;
    return mendable(wanted, server, ip).map(({ message }) =>
      fault(message, "Run pulumi up --refresh: it looks at what is there, and makes what is missing."),
    );
  });
}

function mendable(wanted: WantedServer, server: Server | null, address: PrimaryIp | null): Doubt[] {
  const { host } = wanted;
  return serverFaults(wanted, server, address)
    .filter((one) => one.mendable)
    .map(({ why }) => ({ host, message: `${host}${server === null ? "" : ` (server ${server.id})`} ${why}` }));
}

/** A host that is to be one that exists: its server would be deleted at the end of the very run that deploys to it. */
function turnedFaults({ hosts }: Topology, state: CloudState): Fault[] {
  return hosts
    .filter((host) => !isAtCloud(host))
    .flatMap(({ name }) => {
      const known = serverInState(state, name) ?? addressInState(state, name);
      return known === undefined ? [] : [{ name, known }];
    })
    .map(({ name, known }) =>
      configFault(
        `holdfast:hosts: ${name} has no cloud any more, but this stack has made it at Hetzner (${titled(known)}), and would delete that`,
        "Put its cloud back. To have another machine for it that exists, add that under another name, and take this one out.",
      ),
    );
}

/** Pulumi would refuse in the middle, in words of its own, with other changes done before. */
function leavingFaults({ hosts }: Topology, state: CloudState, facts: ProjectFacts): Fault[] {
  const stays = new Set(hosts.map(({ name }) => `${name}-address`));
  return state.things
    .filter(
      ({ kind, resource, outputs }) =>
        kind === "primary_ips" && !stays.has(resource) && outputs.deleteProtection === true,
    )
    .map(({ resource, id }) => {
      const name = resource.replace(/-address$/, "");
      const held = holderOf(name, state, facts);
      // To put it back, as below, would end with that server deleted.
      if (held !== undefined)
        return fault(
          `${name} is not in holdfast:hosts any more, and its public address ${held.ip} is that of ${held.server}, which this stack does not have`,
          `If an adoption of that server was given up, ${held.forget}.`,
        );
      return fault(
        `${name} is not made by this stack any more, but its server and its public address (id ${id}) are protected`,
        "Put it back with cloud.protect: false and run pulumi up; then take it out. For one that is dead see docs/operate/cloud.md.",
      );
    });
}
