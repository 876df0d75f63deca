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
import type { Cloud, HostAtCloud, Topology } from "../config/topology.ts";
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
import { type ProjectFacts, projectFaults, thingFaults } from "./cloud-project.ts";
import type { CloudState } from "./cloud-state.ts";
import { proxiedFetch } from "./proxied-fetch.ts";
import { resizeFaults } from "./resize.ts";

export interface CloudQuestion {
  readonly topology: Topology;
  readonly cloud: Cloud;
  readonly state: CloudState;
  /** Hosts whose server may be replaced in this run. */
  readonly replaceable: ReadonlySet<string>;
  /** An API that cannot be reached is only worth a word. */
  readonly preview: boolean;
  /** The whole cluster as it is; asked only where a server is to become another type. Empty: nobody can be asked. */
  readonly hostsNow: () => Promise<readonly HostNow[]>;
}

/** All calls together; each is repeated within it as the API allows. */
const withinMs = 60_000;

export function cloudClient(cloud: Pick<Cloud, "endpoint">, token: string): HcloudClient {
  const endpoint = cloud.endpoint ?? publicEndpoint;
  return new HcloudClient({ token, endpoint, fetch: proxiedFetch(endpoint) });
}

export async function lookAtCloud(client: HcloudClient, question: CloudQuestion): Promise<Judged> {
  const { preview } = question;
  try {
    return await look(client, question);
  } catch (error) {
    const fault = faultFrom(error);
    if (!preview || !(error instanceof HcloudError) || !["unreachable", "late"].includes(error.is)) return only(fault);
    const warning = `Whether Hetzner can do this was not looked at: ${fault.message}. pulumi up looks again, before anything is made.`;
    return { faults: [], warnings: [warning], notes: [] };
  }
}

const only = (...faults: Fault[]): Judged => ({ faults, warnings: [], notes: [] });

async function look(client: HcloudClient, question: CloudQuestion): Promise<Judged> {
  const { topology, cloud, state, replaceable } = question;
  const make = hostsToMake(topology, state, replaceable);
  const resize = hostsToResize(topology, state, replaceable);
  const offering = make.length + resize.length === 0 ? undefined : readOffers(client, make);
  // Whatever fails first is told; nobody else waits for this one then.
  offering?.catch(() => {});
  const facts = await readProject(client);
  const foreign = projectFaults(state, facts);
  if (foreign.length > 0) return only(...foreign);
  const things = thingFaults(topology, cloud, state, facts);
  if (offering === undefined) return only(...things);
  const offers = await offering;
  const judged = judgeOffers(topology, cloud, { make, resize }, offers, Date.now());
  const changes = resize.map(({ name, cloud: { serverType } }) => ({
    host: name,
    from: typeInState(state, name) ?? "",
    to: serverType,
  }));
  const unbearable = changes.length === 0 ? [] : resizeFaults(changes, await question.hostsNow());
  return {
    ...judged,
    faults: [...things, ...judged.faults, ...resizeOffers(resize, state, facts.servers, offers), ...unbearable],
  };
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
