/**
 * Looks at the project at Hetzner Cloud before anything is made there, in a preview too. Changes nothing, and costs nothing but
 * a few requests; what is only of use where something is to be made is not asked otherwise.
 *
 * Awkward case: a preview where the API cannot be reached. It says so and goes on; an update does not.
 */

import type { HostNow } from "../../contract/taking-away.ts";
import { HcloudClient } from "../../hcloud/client.ts";
import { HcloudError, isNotFound } from "../../hcloud/errors.ts";
import { publicEndpoint } from "../../hcloud/request.ts";
import type { Image } from "../../hcloud/schemas.ts";
import { type Fault, faultFrom } from "../config/faults.ts";
import { type Cloud, type HostAtCloud, isAtCloud, type Topology } from "../config/topology.ts";
import { addressesToAdopt } from "./adoption.ts";
import {
  hostsToMake,
  hostsToResize,
  type ImageQuery,
  imageKey,
  imageQueryOf,
  type Judged,
  judgeOffers,
  type Offers,
  resizeOffers,
  typeInState,
} from "./cloud-offers.ts";
import { type Doubt, judgeThings, projectFaults, remainingFaults } from "./cloud-project.ts";
import { type CloudState, type ProjectFacts, serverInState } from "./cloud-state.ts";
import { hasTrace, lostFaults, lostHosts } from "./lost-hosts.ts";
import { proxiedFetch } from "./proxied-fetch.ts";
import { replaceFaults, resizeFaults } from "./resize.ts";
import { thingsToTakeOver } from "./shared-things.ts";

export interface CloudQuestion {
  readonly topology: Topology;
  readonly cloud: Cloud;
  readonly state: CloudState;
  /** Hosts whose server may be replaced in this run. */
  readonly replaceable: ReadonlySet<string>;
  /** Hosts that this run leaves as they are; see infra/left-out.ts. */
  readonly leftOut: ReadonlySet<string>;
  /** An API that cannot be reached is only worth a word. */
  readonly preview: boolean;
  /** The whole cluster as it is; asked only where a server is to become another type, or is replaced. Empty: nobody can be asked. */
  readonly hostsNow: () => Promise<readonly HostNow[]>;
}

export interface CloudSeen extends Judged {
  /** Names of hosts with which something is amiss that this very run may mend; whether it did is asked afterwards. */
  readonly doubtful: ReadonlySet<string>;
  /** Public addresses of the servers that this run adopts, by host name: whether they are the right ones they have to show. */
  readonly adopting: ReadonlyMap<string, string>;
  /** Ids of what is there already and becomes this stack's, by the names of its resources. */
  readonly takingOver: ReadonlyMap<string, string>;
}

/** All calls together; each is repeated within it as the API allows. */
const withinMs = 60_000;

export function cloudClient(cloud: Pick<Cloud, "endpoint">, token: string): HcloudClient {
  const endpoint = cloud.endpoint ?? publicEndpoint;
  return new HcloudClient({ token, endpoint, fetch: proxiedFetch(endpoint) });
}

export async function lookAtCloud(client: HcloudClient, question: CloudQuestion): Promise<CloudSeen> {
  const { preview } = question;
  try {
    return await look(client, question);
  } catch (error) {
    const fault = faultFrom(error);
    if (!preview || !(error instanceof HcloudError) || !["unreachable", "late"].includes(error.is)) return only(fault);
    const warning = `Whether Hetzner can do this was not looked at: ${fault.message}. pulumi up looks again, before anything is made.`;
    return { ...only(), warnings: [warning] };
  }
}

const only = (...faults: Fault[]): CloudSeen => ({
  ...{ faults, warnings: [], notes: [], doubtful: new Set() },
  ...{ adopting: new Map(), takingOver: new Map() },
});

async function look(client: HcloudClient, question: CloudQuestion): Promise<CloudSeen> {
  const { topology, cloud, state, replaceable, leftOut } = question;
  const forgotten = lostFaults(topology, state, replaceable);
  if (forgotten.length > 0) return only(...forgotten);
  const facts = await readProject(client);
  const foreign = projectFaults(state, facts);
  if (foreign.length > 0) return only(...foreign);
  const { faults, doubts, unfinished } = judgeThings(topology, cloud, state, facts, replaceable, leftOut);
  const doubtful = new Set([...doubts.map(({ host }) => host), ...unfinished]);
  const adopting = addressesToAdopt(topology, state, facts);
  const { adopt } = topology;
  const takingOver = thingsToTakeOver({ adopt, hosts: topology.hosts.filter(isAtCloud) }, cloud, state, facts);
  const seen = { ...only(...faults), doubtful, warnings: doubts.map(inDoubt), adopting, takingOver };
  // A server that somebody deleted may come back, if this run refreshes.
  const gone = doubts.map(({ host }) => host).filter((name) => !isThere(state, facts, name));
  const make = hostsToMake(topology, state, new Set([...replaceable, ...gone]));
  const resize = hostsToResize(topology, state, new Set([...replaceable, ...gone]));
  // Of one to which nothing was deployed yet nothing is lost.
  const replaced = [...replaceable]
    .filter((name) => state.prepared.has(name) && isThere(state, facts, name))
    .toSorted();
  // One that the state has lost may serve all the same.
  const lost = lostHosts(topology, state).filter((name) => replaceable.has(name));
  if (make.length + resize.length === 0) return seen;
  const offers = await readOffers(client, make);
  const judged = judgeOffers(topology, cloud, { make, resize, state }, offers, Date.now());
  // One that was adopted may have run before.
  const changes = resize
    .filter(({ name }) => state.prepared.has(name) || state.adopted.has(name))
    .map(({ name, cloud: { serverType } }) => ({ host: name, from: typeInState(state, name) ?? "", to: serverType }));
  const asked = changes.length + replaced.length + lost.length === 0 ? [] : await question.hostsNow();
  const isHeldBy = (name: string) =>
    asked.some(({ status }) => status?.holder === name && status.consul.leader !== null);
  // Only where a known id has answered is this the project in which a lost one would be; and who is seen to hold lives elsewhere.
  const isGone = (name: string) =>
    lost.includes(name) &&
    state.things.length > 0 &&
    !isHeldBy(name) &&
    !topology.hosts.filter(isAtCloud).some((host) => host.name === name && hasTrace(topology, host, facts));
  const isOff = (name: string) =>
    isGone(name) || facts.servers.some(({ id, status }) => id === serverInState(state, name)?.id && status === "off");
  const hosts = asked.map((host) => ({ ...host, isOff: isOff(host.name) }));
  const unbearable = [...resizeFaults(changes, hosts), ...replaceFaults({ there: replaced, lost }, changes, hosts)];
  return {
    ...seen,
    notes: judged.notes,
    warnings: [...seen.warnings, ...judged.warnings],
    faults: [...seen.faults, ...judged.faults, ...resizeOffers(resize, state, facts.servers, offers), ...unbearable],
  };
}

const inDoubt = ({ message }: Doubt) =>
  `${message}. Only pulumi up --refresh sees that, and makes what is missing; an up without it ends when it has found it so.`;

const isThere = (state: CloudState, { servers }: ProjectFacts, name: string) =>
  servers.some(({ id }) => id === serverInState(state, name)?.id);

/** What is still amiss with doubtful hosts when everything is made. @param serverIds by host name. @throws HcloudError */
export async function lookAgain(
  client: HcloudClient,
  cloud: Pick<Cloud, "name">,
  hosts: readonly HostAtCloud[],
  serverIds: ReadonlyMap<string, number>,
): Promise<Fault[]> {
  if (hosts.length === 0) return [];
  const [servers, primary_ips, firewalls] = await Promise.all([
    client.list("servers", {}, { withinMs }),
    client.list("primary_ips", {}, { withinMs }),
    client.list("firewalls", {}, { withinMs }),
  ]);
  return remainingFaults(cloud, hosts, serverIds, { servers, primary_ips, firewalls });
}

async function readProject(client: HcloudClient): Promise<ProjectFacts> {
  const bounds = { withinMs };
  const [servers, networks, primary_ips, placement_groups, firewalls, ssh_keys] = await Promise.all([
    client.list("servers", {}, bounds),
    client.list("networks", {}, bounds),
    client.list("primary_ips", {}, bounds),
    client.list("placement_groups", {}, bounds),
    client.list("firewalls", {}, bounds),
    client.list("ssh_keys", {}, bounds),
  ]);
  return { servers, networks, primary_ips, placement_groups, firewalls, ssh_keys };
}

async function readOffers(client: HcloudClient, make: readonly HostAtCloud[]): Promise<Offers> {
  const queries = new Map(make.map(imageQueryOf).map((query) => [imageKey(query), query]));
  const [serverTypes, locations, images] = await Promise.all([
    client.list("server_types", {}, { withinMs }),
    client.list("locations", {}, { withinMs }),
    Promise.all([...queries].map(async ([key, query]) => [key, await findImage(client, query)] as const)),
  ]);
  return { serverTypes, locations, images: new Map(images) };
}

/** A snapshot has no name: it is asked for by its id. */
async function findImage(client: HcloudClient, { image, architecture }: ImageQuery): Promise<readonly Image[]> {
  if (!/^\d+$/.test(image))
    return await client.list("images", { name: image, architecture, includeDeprecated: true }, { withinMs });
  try {
    return [await client.get("images", Number(image), { withinMs })];
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
