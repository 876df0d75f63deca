/**
 * Whether the token is of the project that this stack's things are in, and whether they are as the state has them. Pure.
 *
 * Why it matters: with a token of another project Pulumi would drop everything from the state, protected or not, and make a second
 * cluster, which has the same validator key. So nothing is registered before one known id has answered, or the state is new
 * and the project has nothing of this stack's names.
 */
import type { Firewall, Network, PlacementGroup, PrimaryIp, Server, SshKey } from "../../hcloud/schemas.ts";
import type { Fault } from "../config/faults.ts";
import { type Cloud, type HostAtCloud, isAtCloud, type Topology } from "../config/topology.ts";
import { cloudNames } from "../plan/cloud.ts";
import { type CloudState, type Kind, serverInState, type ThingInState } from "./cloud-state.ts";

/** Everything that the token's project has. */
export interface ProjectFacts {
  readonly servers: readonly Server[];
  readonly networks: readonly Network[];
  readonly primary_ips: readonly PrimaryIp[];
  readonly placement_groups: readonly PlacementGroup[];
  readonly firewalls: readonly Firewall[];
  readonly ssh_keys: readonly SshKey[];
}

const words: Readonly<Record<Kind, string>> = {
  servers: "server",
  networks: "network",
  primary_ips: "public address",
  placement_groups: "placement group",
  firewalls: "firewall",
  ssh_keys: "SSH key",
};

const fault = (message: string, next: string): Fault => ({ code: "HF_CLOUD", message, next });
const titled = ({ kind, id, resource }: ThingInState) =>
  kind === "servers" ? `server ${id} of ${resource}` : `${words[kind]} ${id}`;
const listed = (things: readonly ThingInState[]) => {
  const titles = things.map(titled);
  return titles.length <= 4 ? titles.join(", ") : `${titles.slice(0, 3).join(", ")} and ${titles.length - 3} more`;
};

/** Said alone: whatever else would be said then is about somebody else's things. */
export function projectFaults({ things }: CloudState, facts: ProjectFacts): Fault[] {
  const missing = things.filter((thing) => !facts[thing.kind].some(({ id }) => id === thing.id));
  if (things.length === 0 || missing.length < things.length) return [];
  return [
    fault(
      `holdfast:hcloud.token is of another project than this stack's: that one has none of what the stack has made (${listed(things)})`,
      "Set a token of the right project: pulumi config set --secret --path holdfast:hcloud.token < TOKENFILE. Only if somebody deleted all of it there: pulumi refresh, then pulumi up.",
    ),
  ];
}

/** Of a project that is the right one. */
export function thingFaults(topology: Topology, cloud: Cloud, state: CloudState, facts: ProjectFacts): Fault[] {
  const hosts = topology.hosts.filter(isAtCloud);
  return [
    ...goneFaults(state, facts),
    ...takenFaults(cloud, hosts, state, facts),
    ...sshKeyFaults(cloud, state, facts),
    ...hosts.flatMap((host) => hostFaults(host, state, facts)),
    ...leavingFaults(hosts, state),
  ];
}

/** Deleted by hand: an update does not look, and would not notice. */
function goneFaults({ things }: CloudState, facts: ProjectFacts): Fault[] {
  const missing = things.filter((thing) => !facts[thing.kind].some(({ id }) => id === thing.id));
  if (missing.length === 0) return [];
  return [
    fault(
      `Hetzner does not have ${listed(missing)} any more, which the stack's state has`,
      "If it was deleted on purpose, run pulumi up --refresh, which makes it anew; a host that comes back empty is made anew with it.",
    ),
  ];
}

/** Of a run that was cut off, or of another stack: names are unique in a project. */
function takenFaults(
  cloud: Cloud,
  hosts: readonly HostAtCloud[],
  { things }: CloudState,
  facts: ProjectFacts,
): Fault[] {
  const names = cloudNames(cloud);
  const servers = hosts.map((host) => host.cloud.serverName);
  const groups = cloud.spread ? hosts.map((host) => names.placementGroup(host.cloud.location)) : [];
  const wanted: [Kind, readonly string[]][] = [
    ["servers", servers],
    ["primary_ips", servers],
    ["networks", [names.network]],
    ["firewalls", [names.firewall, names.neardFirewall]],
    ["placement_groups", [...new Set(groups)]],
    ["ssh_keys", "publicKey" in cloud.sshKey ? [names.sshKey] : []],
  ];
  return wanted.flatMap(([kind, all]) =>
    facts[kind]
      .filter(({ id, name }) => all.includes(name) && !things.some((thing) => thing.kind === kind && thing.id === id))
      .map(({ id, name }) =>
        fault(
          `Hetzner has a ${words[kind]} ${name} (id ${id}) already, which is not in this stack's state`,
          "If a pulumi up of this stack that was cut off has made it, delete it there, or adopt it (docs/operate/cloud.md); if it is somebody else's, set holdfast:hcloud.name to another name.",
        ),
      ),
  );
}

/** A key can be in a project but once, whatever it is called. */
function sshKeyFaults({ sshKey }: Cloud, { things }: CloudState, { ssh_keys: keys }: ProjectFacts): Fault[] {
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
  const same = keys.find((key) => bare(key.public_key) === sshKey.publicKey);
  if (same === undefined || things.some(({ kind, id }) => kind === "ssh_keys" && id === same.id)) return [];
  return [
    fault(
      `The project has this stack's SSH key already, under the name ${same.name} (id ${same.id}), and takes none twice`,
      `If it is to be used as it is: pulumi config set --path holdfast:hcloud.sshKeyName ${same.name}. Otherwise delete it there, or give this stack a key of its own.`,
    ),
  ];
}

function hostFaults(host: HostAtCloud, state: CloudState, { servers }: ProjectFacts): Fault[] {
  const { name, address, cloud } = host;
  const known = serverInState(state, name);
  const server = servers.find(({ id }) => id === known?.id);
  if (server === undefined) return [];
  const at = `${name} (server ${server.id})`;
  if (server.location.name !== cloud.location)
    return [
      fault(
        `${at} is in ${server.location.name}, and no server can move to ${cloud.location}`,
        `Set its cloud.location back. To move it, add a host of another name in ${cloud.location}, and take this one out when that one is in sync.`,
      ),
    ];
  if (server.status === "off")
    return [
      fault(
        `${at} has no power`,
        "If it was fenced, find out why first (holdfast status). Then start it in Hetzner's console, and run pulumi up again.",
      ),
    ];
  if (!state.attached.has(name) || server.private_net.some(({ ip }) => ip === address)) return [];
  return [
    fault(
      `${at} has not the address ${address} in the private network, which the stack's state has`,
      "Run pulumi up --refresh: it sees that, and attaches the server anew.",
    ),
  ];
}

/** Pulumi would refuse in the middle, in words of its own, with other changes done before. */
function leavingFaults(hosts: readonly HostAtCloud[], { things }: CloudState): Fault[] {
  const stays = new Set(hosts.map(({ name }) => `${name}-address`));
  return things
    .filter(
      ({ kind, resource, outputs }) =>
        kind === "primary_ips" && !stays.has(resource) && outputs.deleteProtection === true,
    )
    .map(({ resource, id }) => {
      const name = resource.replace(/-address$/, "");
      return fault(
        `${name} is not made by this stack any more, but its server and its public address (id ${id}) are protected`,
        `Put it back with cloud.protect: false and run pulumi up; then take it out (docs/operate/cloud.md).`,
      );
    });
}
