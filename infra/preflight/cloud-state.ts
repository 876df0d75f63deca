/**
 * What the stack's own state says of things at Hetzner Cloud, from before this run: which ids are ours. Pure.
 *
 * Idea: a token says nothing of its project, but an id that answers does. So what the stack has made is known by the ids in its
 * state, before anything is registered with a provider, in a preview as well.
 * Awkward case: what was made by a run that was cut off is in no state. It is known by its fixed name.
 */
import * as z from "zod";
import { deploymentId } from "../../contract/deployment.ts";
import type { Collection, Firewall, Network, PlacementGroup, PrimaryIp, Server, SshKey } from "../../hcloud/schemas.ts";
import type { HostAtCloud } from "../config/topology.ts";
import { clusterStashes, secretsParent } from "../plan/secret-names.ts";

/** Of Hetzner's things, those that have an id and a name of their own. */
export type Kind = Extract<
  Collection,
  "servers" | "networks" | "primary_ips" | "placement_groups" | "firewalls" | "ssh_keys"
>;

/** Everything that the token's project has. */
export interface ProjectFacts {
  readonly servers: readonly Server[];
  readonly networks: readonly Network[];
  readonly primary_ips: readonly PrimaryIp[];
  readonly placement_groups: readonly PlacementGroup[];
  readonly firewalls: readonly Firewall[];
  readonly ssh_keys: readonly SshKey[];
}

export interface ThingInState {
  readonly kind: Kind;
  readonly urn: string;
  /** Its resource's name in the stack. */
  readonly resource: string;
  readonly id: number;
  /** As the provider last saw it. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** See infra/components/again.ts. */
export interface HostMarks {
  readonly converge: string;
  readonly machine: string;
}

/** The machine that a host had when machines got marks. */
export const firstMachine = "first";

/** What keeps them, by host name: a Stash's input, for its output stays what it was at first. */
export const marksStash = "marks";

export interface CloudState {
  /** By host name. */
  readonly marks: ReadonlyMap<string, HostMarks>;
  /** Id of this stack's deployment; null: it has none yet. */
  readonly deployment: string | null;
  readonly things: readonly ThingInState[];
  /** Its private network has its subnet. */
  readonly hasSubnet: boolean;
  /** Addresses in the private network, by the names of the hosts whose place there is in the state; null: one that it does not say. */
  readonly attached: ReadonlyMap<string, string | null>;
  /** Names of the commands that went through on hosts, and of the copies to them. */
  readonly onHosts: ReadonlySet<string>;
  /** Names of hosts that were prepared once: they answered. It may have been an earlier machine. */
  readonly prepared: ReadonlySet<string>;
  /** Names of hosts to which neard was deployed once. */
  readonly withNeard: ReadonlySet<string>;
  /**
   * Ids of the servers that were waited for until they were ready, by host name; of an older version's state nothing. Null: an
   * entry in which no id can be read.
   */
  readonly ready: ReadonlyMap<string, number | null>;
  /** Ids of servers that were adopted, by host name: while a host has that one, its adoption must go on. Null: as above. */
  readonly adopted: ReadonlyMap<string, number | null>;
  /** Where hosts are, by name: public address and SSH host key, the one of the stack's making. */
  readonly places: ReadonlyMap<string, { readonly address: string; readonly hostKey: string }>;
}

/** Each resource of a stack by its URN, as Pulumi's engine tells it. */
export type ResourceOutputs = Readonly<Record<string, { readonly type: string; readonly outputs: unknown }>>;

const attachment = "hcloud:index/serverNetwork:ServerNetwork";
const kinds: Readonly<Record<string, Kind>> = {
  "hcloud:index/server:Server": "servers",
  "hcloud:index/network:Network": "networks",
  "hcloud:index/primaryIp:PrimaryIp": "primary_ips",
  "hcloud:index/placementGroup:PlacementGroup": "placement_groups",
  "hcloud:index/firewall:Firewall": "firewalls",
  "hcloud:index/sshKey:SshKey": "ssh_keys",
};

/** The last part of a URN; a name may have any character in it, its types have none of these. */
const nameIn = (urn: string) => urn.split("::").slice(3).join("::");

const attachmentSchema = z.object({ ip: z.string().min(1) });
const marksSchema = z.object({ input: z.record(z.string(), z.object({ converge: z.string(), machine: z.string() })) });
const markSchema = z.object({ output: z.string() });
const addressSchema = z.object({ ipAddress: z.string().min(1) });
const idSchema = z.object({ output: z.string().regex(/^[1-9]\d{0,14}$/) });
const authoritySchema = z.object({ output: z.object({ certificate: z.string() }) });
const hostKeySchema = z.object({ output: z.object({ publicKey: z.string().min(1) }) });

export function cloudStateFrom(resources: ResourceOutputs): CloudState {
  const all = Object.entries(resources).map(([urn, { type, outputs }]) => ({ urn, name: nameIn(urn), type, outputs }));
  const ending = (type: string, end: string) =>
    new Set(
      all.filter((one) => one.type === type && one.name.endsWith(end)).map(({ name }) => name.slice(0, -end.length)),
    );
  const read = <T>(type: string, name: string, schema: z.ZodType<T>): T | undefined =>
    schema.safeParse(all.find((one) => one.type === type && one.name === name)?.outputs).data;
  const placeOf = (host: string) => {
    const address = read("hcloud:index/primaryIp:PrimaryIp", `${host}-address`, addressSchema)?.ipAddress;
    const hostKey = read("pulumi:index:Stash", `${host}-host-key`, hostKeySchema)?.output.publicKey;
    return address === undefined || hostKey === undefined ? [] : [[host, { address, hostKey }] as const];
  };
  const idsBy = (end: string) =>
    new Map(
      [...ending("pulumi:index:Stash", end)].map((host) => {
        const id = read("pulumi:index:Stash", `${host}${end}`, idSchema)?.output;
        return [host, id === undefined ? null : Number(id)] as const;
      }),
    );
  const authority = read("pulumi:index:Stash", `${secretsParent}-${clusterStashes.authority}`, authoritySchema)?.output
    .certificate;
  const kept = read("pulumi:index:Stash", marksStash, marksSchema);
  return {
    marks: kept === undefined ? oldMarks(resources) : new Map(Object.entries(kept.input)),
    deployment: authority === undefined ? null : deploymentId(authority),
    ready: idsBy("-ready"),
    adopted: idsBy("-adopted"),
    places: new Map([...ending("hcloud:index/primaryIp:PrimaryIp", "-address")].flatMap(placeOf)),
    things: all.flatMap(({ urn, name, type, outputs }): ThingInState[] => {
      const kind = Object.hasOwn(kinds, type) ? kinds[type] : undefined;
      const known = typeof outputs === "object" && outputs !== null ? (outputs as Record<string, unknown>) : {};
      const id = Number(known.id);
      // One that is being made, or could not be, has no id yet.
      return kind === undefined || !Number.isSafeInteger(id) || id < 1
        ? []
        : [{ kind, urn, resource: name, id, outputs: known }];
    }),
    hasSubnet: all.some(({ type }) => type === "hcloud:index/networkSubnet:NetworkSubnet"),
    attached: new Map(
      [...ending(attachment, "-private")].map((host) => [
        host,
        read(attachment, `${host}-private`, attachmentSchema)?.ip ?? null,
      ]),
    ),
    onHosts: new Set(all.filter(({ type }) => type.startsWith("command:remote:")).map(({ name }) => name)),
    prepared: ending("command:remote:Command", "-runtime-prepare"),
    withNeard: ending("command:remote:Command", "-neard"),
  };
}

/** 0.1 had a Stash for each host's first mark, and what came before 0.2 one for the second, too. */
function oldMarks(resources: ResourceOutputs): CloudState["marks"] {
  const before = "::holdfast:index:Cluster$pulumi:index:Stash::";
  const named = (end: string) =>
    Object.entries(resources).flatMap(([urn, { outputs }]): [string, string][] => {
      const value = markSchema.safeParse(outputs).data?.output;
      const isOne = urn.includes(before) && urn.endsWith(end);
      return isOne && value !== undefined ? [[nameIn(urn).slice(0, -end.length), value]] : [];
    });
  const machines = new Map(named("-machine"));
  return new Map(
    named("-mark").map(([host, converge]) => [host, { converge, machine: machines.get(host) ?? firstMachine }]),
  );
}

/** Whether the host's server, `id`, was adopted, as far as the state tells: one of which it cannot be read is taken for it. */
export function wasAdopted({ adopted }: CloudState, name: string, id: number): boolean {
  const known = adopted.get(name);
  return known === null || known === id;
}

/** The server of the host `name`. */
export function serverInState({ things }: CloudState, name: string): ThingInState | undefined {
  return things.find(({ kind, resource }) => kind === "servers" && resource === name);
}

/** Whether the server that the host has now was waited for, as far as the state tells. */
export function isReady(state: CloudState, name: string): boolean {
  const server = serverInState(state, name);
  if (server === undefined || !state.prepared.has(name) || !state.places.has(name)) return false;
  const waited = state.ready.get(name);
  return waited === undefined || waited === server.id;
}

/** Whether the host's server is, or in this run becomes, the one that it adopts. */
export function isAdopted(state: CloudState, { name, cloud: { adopt } }: HostAtCloud): boolean {
  const server = serverInState(state, name);
  return adopt !== null && (server === undefined || server.id === adopt.server);
}

/** Where hosts are, with the host keys that they have now. */
export function placesNow(hosts: readonly HostAtCloud[], state: CloudState): CloudState["places"] {
  const own = hosts.flatMap((host): [string, { address: string; hostKey: string }][] => {
    const place = state.places.get(host.name);
    const { adopt } = host.cloud;
    return place === undefined || adopt === null || !isAdopted(state, host)
      ? []
      : [[host.name, { ...place, hostKey: adopt.hostKey }]];
  });
  return new Map([...state.places, ...own]);
}

/** Its public address. */
export function addressInState({ things }: CloudState, name: string): ThingInState | undefined {
  return things.find(({ kind, resource }) => kind === "primary_ips" && resource === `${name}-address`);
}
