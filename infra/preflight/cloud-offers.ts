/**
 * Whether Hetzner can make the hosts that are yet to be made, or to be resized: types, locations, images, and what else has
 * capacity. Pure.
 */
import type { Image, Location, Server, ServerType } from "../../hcloud/schemas.ts";
import { configFault, type Fault } from "../config/faults.ts";
import { type Cloud, type HostAtCloud, hasRole, isAtCloud, type Topology } from "../config/topology.ts";
import { type CloudState, serverInState } from "./cloud-state.ts";

export interface Offers {
  readonly serverTypes: readonly ServerType[];
  readonly locations: readonly Location[];
  /** By what a host asks for. */
  readonly images: ReadonlyMap<string, readonly Image[]>;
}

export interface Judged {
  readonly faults: readonly Fault[];
  readonly warnings: readonly string[];
  /** What would be made, for people: it costs. */
  readonly notes: readonly string[];
}

/** What `images` is asked by: an id, or a name for an architecture. */
export interface ImageQuery {
  readonly image: string;
  readonly architecture: "x86" | "arm";
}
export const imageKey = ({ image, architecture }: ImageQuery) => `${architecture} ${image}`;
export const imageQueryOf = ({ cloud, arch }: HostAtCloud): ImageQuery => ({
  image: cloud.image,
  architecture: architectures[arch],
});

const architectures = { x64: "x86", arm64: "arm" } as const;
/**
 * In GB. NEAR asks for 1 to 1.5 TB on testnet, and on mainnet for 2 TB of a validator of chunks alone, 3 TB of any other: below the
 * least of it neard would fill the disk within weeks. The first bound is that of the preflight of hosts (host-faults.ts). It is for
 * hosts that begin: one whose neard runs on less has shown that it can, and must be replaceable.
 */
const leastChainDisk = { testnet: 540, mainnet: 2000 } as const;
const wantedChainDisk = { testnet: 1000, mainnet: 3000 } as const;
/** Those of which holdfast knows that it does not run there. */
const otherSystems = new Set(["alma", "centos", "fedora", "opensuse", "rocky"]);
const mostAlternatives = 5;

const unavailable = (message: string, next: string): Fault => ({ code: "HF_CLOUD", message, next });

/** Hosts that have no server, and such whose server may be replaced now: the old one would be gone when no new one can be had. */
export function hostsToMake(topology: Topology, state: CloudState, replaceable: ReadonlySet<string>): HostAtCloud[] {
  return topology.hosts
    .filter(isAtCloud)
    .filter(
      ({ name, cloud }) => replaceable.has(name) || (serverInState(state, name) === undefined && cloud.adopt === null),
    );
}

/** Hosts whose server gets another type, and loses power for it. */
export function hostsToResize(topology: Topology, state: CloudState, replaceable: ReadonlySet<string>): HostAtCloud[] {
  return topology.hosts.filter(isAtCloud).filter(({ name, cloud }) => {
    const type = typeInState(state, name);
    return !replaceable.has(name) && type !== undefined && type !== cloud.serverType;
  });
}

/** Of a host's server, as the provider last saw it. */
export function typeInState(state: CloudState, name: string): string | undefined {
  const type = serverInState(state, name)?.outputs.serverType;
  return typeof type === "string" ? type : undefined;
}

/** @param nowMs on the wall clock */
export function judgeOffers(
  topology: Topology,
  cloud: Cloud,
  wanted: {
    readonly make: readonly HostAtCloud[];
    readonly resize: readonly HostAtCloud[];
    readonly state: CloudState;
  },
  offers: Offers,
  nowMs: number,
): Judged {
  const { make, resize, state } = wanted;
  const judged = [
    ...make.map((host) => judgeHost(topology, cloud, host, state, offers, nowMs)),
    // Its disk stays as it is.
    ...resize.map((host) => ({ ...judgeType(host, null, offers, nowMs), notes: [] })),
  ];
  return {
    faults: judged.flatMap(({ faults }) => faults),
    warnings: judged.flatMap(({ warnings }) => warnings),
    notes: judged.flatMap(({ notes }) => notes),
  };
}

function judgeHost(
  topology: Topology,
  cloud: Cloud,
  host: HostAtCloud,
  state: CloudState,
  offers: Offers,
  nowMs: number,
): Judged {
  const place = offers.locations.find(({ name }) => name === host.cloud.location);
  if (place === undefined) {
    const names = offers.locations.map(({ name }) => name).toSorted();
    return only(
      configFault(`${host.name}: Hetzner has no location ${host.cloud.location}`, `Choose one of ${names.join(", ")}.`),
    );
  }
  const zone: Fault[] =
    place.network_zone === cloud.network.zone
      ? []
      : [
          configFault(
            `${host.name}: ${place.name} is in Hetzner's network zone ${place.network_zone}, and the private network is in ${cloud.network.zone}`,
            "Set holdfast:hcloud.network.zone to the zone of all locations, or choose locations of one.",
          ),
        ];
  const chain =
    hasRole("neard")(host) && topology.network !== "localnet"
      ? { network: topology.network, runsOn: diskOfNeard(state, host.name, offers) }
      : null;
  const type = judgeType(host, chain, offers, nowMs);
  const image = judgeImage(host, offers);
  return {
    faults: [...zone, ...type.faults, ...image.faults],
    warnings: [...type.warnings, ...image.warnings],
    notes: type.notes,
  };
}

const only = (fault: Fault): Judged => ({ faults: [fault], warnings: [], notes: [] });
const nothing: Judged = { faults: [], warnings: [], notes: [] };

/** In GB, the disk on which the host's neard runs; 0: nobody knows how large that is; null: its neard is yet to come. */
function diskOfNeard(state: CloudState, name: string, { serverTypes }: Offers): number | null {
  if (!state.withNeard.has(name)) return null;
  const size = serverInState(state, name)?.outputs.primaryDiskSize;
  if (typeof size === "number" && size > 0) return size;
  return serverTypes.find((type) => type.name === typeInState(state, name))?.disk ?? 0;
}

/** A chain whose data must find room on a host's disk. */
interface Chain {
  readonly network: keyof typeof leastChainDisk;
  /** See diskOfNeard. */
  readonly runsOn: number | null;
}

/** @param chain null: none */
function judgeType(host: HostAtCloud, chain: Chain | null, { serverTypes }: Offers, nowMs: number): Judged {
  const { name, arch, cloud } = host;
  const wanted = cloud.serverType;
  const type = serverTypes.find((one) => one.name === wanted);
  if (type === undefined)
    return only(
      configFault(
        `${name}: Hetzner has no server type ${wanted}`,
        `Choose one that has capacity in ${cloud.location}: ${others(serverTypes, cloud.location, arch)}.`,
      ),
    );
  if (type.architecture !== architectures[arch])
    return only(
      configFault(
        `${name}: the architecture of the server type ${wanted} is ${type.architecture}, but the host's arch is ${arch}`,
        type.architecture === "unknown"
          ? "Choose another type."
          : `Set its arch to ${type.architecture === "arm" ? "arm64" : "x64"}, or choose another type.`,
      ),
    );
  const disk = chain === null ? [] : diskFaults(host, chain, type, serverTypes);
  if (disk.length > 0) return { ...nothing, faults: disk };
  const offer = type.locations.find((one) => one.name === cloud.location);
  const ends = (offer?.deprecation ?? type.deprecation)?.unavailable_after;
  if (offer === undefined || !offer.available || (ends !== undefined && Date.parse(ends) <= nowMs))
    return only(
      unavailable(
        `${name}: Hetzner has no ${wanted} to give in ${cloud.location} now${offer === undefined ? " (that location does not offer it)" : ends !== undefined ? ` (it is withdrawn since ${ends.slice(0, 10)})` : ""}`,
        `${elsewhere(type)} In ${cloud.location} there is capacity for ${others(serverTypes, cloud.location, arch, type)}.`,
      ),
    );
  const price = type.prices.find((one) => one.location === cloud.location)?.price_monthly.net;
  const cost =
    price === undefined
      ? ""
      : `, ${Number(price).toFixed(2)} a month without taxes, in your account's currency, as Hetzner lists it today`;
  return {
    faults: [],
    warnings: [
      ...(chain === null ? [] : diskWarnings(host, chain, type, serverTypes)),
      ...(ends === undefined
        ? []
        : [
            `${name}: Hetzner withdraws the server type ${wanted} in ${cloud.location} on ${ends.slice(0, 10)}: a host that is replaced later needs another.`,
          ]),
    ],
    notes: [
      `${name}: a new ${wanted} (${type.cores} cores, ${type.memory} GB, ${type.disk} GB of disk) in ${cloud.location}${cost}`,
    ],
  };
}

function diskFaults(
  { name, arch, cloud }: HostAtCloud,
  { network, runsOn }: Chain,
  type: ServerType,
  types: readonly ServerType[],
): Fault[] {
  const least = leastChainDisk[network];
  if (type.disk >= Math.min(least, runsOn ?? least)) return [];
  const now = runsOn === null || runsOn >= least ? "" : `, and runs on ${runsOn} GB now`;
  return [
    configFault(
      `${name}: the server type ${type.name} has ${type.disk} GB of disk, and neard's data on ${network} needs ${least} GB at least${now}`,
      bigger(types, least, cloud.location, arch),
    ),
  ];
}

function diskWarnings(
  { name, arch, cloud }: HostAtCloud,
  { network }: Chain,
  { name: type, disk }: ServerType,
  types: readonly ServerType[],
): string[] {
  const least = leastChainDisk[network];
  if (disk < least)
    return [
      `${name}: the server type ${type} has ${disk} GB of disk, and neard's data on ${network} needs ${least} GB at least. It runs on no more already, so it is replaced as it is: watch how it fills. ${bigger(types, least, cloud.location, arch)}`,
    ];
  const wanted = wantedChainDisk[network];
  if (disk >= wanted) return [];
  return [
    `${name}: the server type ${type} has ${disk} GB of disk, and NEAR asks for ${wanted} GB or more on ${network}: watch how it fills.`,
  ];
}

/** What else could be had there, smallest first; after `like`, at least as large. */
function others(
  types: readonly ServerType[],
  location: string,
  arch: keyof typeof architectures,
  like?: ServerType,
): string {
  const fit = types
    .filter((type) => type.architecture === architectures[arch] && type.name !== like?.name)
    .filter(({ cores, memory }) => like === undefined || (cores >= like.cores && memory >= like.memory))
    .filter((type) => isOffered(type, location))
    .toSorted((a, b) => a.memory - b.memory || a.cores - b.cores || a.disk - b.disk);
  return (
    fit
      .slice(0, mostAlternatives)
      .map(({ name }) => name)
      .join(", ") || "nothing that would do"
  );
}

function bigger(
  types: readonly ServerType[],
  least: number,
  location: string,
  arch: keyof typeof architectures,
): string {
  const large = types.filter((type) => type.disk >= least && type.architecture === architectures[arch]);
  if (large.length === 0)
    return "Hetzner Cloud has none with as much: use a server that exists, such as a dedicated one (docs/operate/cloud.md).";
  const fit = large.filter((type) => isOffered(type, location));
  return `Choose a type with more: ${fit.map(({ name, disk }) => `${name} (${disk} GB)`).join(", ") || `${location} has none with capacity now`}.`;
}

const isOffered = ({ locations, deprecation }: ServerType, location: string) =>
  locations.some((one) => one.name === location && one.available && !one.deprecation && !deprecation);

function elsewhere({ name, locations }: ServerType): string {
  const has = locations.filter(({ available }) => available).map((one) => one.name);
  return has.length === 0 ? `${name} has no capacity anywhere.` : `${name} has capacity in ${has.join(", ")}.`;
}

function judgeImage(host: HostAtCloud, { images }: Offers): Judged {
  const query = imageQueryOf(host);
  const [image] = images.get(imageKey(query)) ?? [];
  if (image === undefined)
    return only(
      configFault(
        `${host.name}: Hetzner has no image ${query.image} for ${query.architecture} machines`,
        "Choose another, such as debian-13; a snapshot of yours by its id.",
      ),
    );
  if (image.architecture !== query.architecture)
    return only(
      configFault(
        `${host.name}: the image ${query.image} is for ${image.architecture} machines, but its arch is ${host.arch}`,
        "Choose another image.",
      ),
    );
  if (otherSystems.has(image.os_flavor))
    return only(
      configFault(
        `${host.name}: the image ${query.image} is ${image.os_flavor}, on which holdfast does not run`,
        "Choose Debian 12 or Ubuntu 22.04, or later.",
      ),
    );
  if (image.status !== "available")
    return only(
      unavailable(
        `${host.name}: the image ${query.image} is not available (${image.status})`,
        "Wait until it is, or choose another.",
      ),
    );
  if (!image.deprecated) return nothing;
  return {
    ...nothing,
    warnings: [
      `${host.name}: Hetzner has deprecated the image ${query.image} (${image.deprecated.slice(0, 10)}), and withdraws it three months after.`,
    ],
  };
}

/** What Hetzner would refuse of a resize; whether the cluster can bear it is resize.ts. */
export function resizeOffers(
  resize: readonly HostAtCloud[],
  state: CloudState,
  servers: readonly Server[],
  { serverTypes }: Offers,
): Fault[] {
  return resize.flatMap(({ name, cloud }) => {
    const server = servers.find(({ id }) => id === serverInState(state, name)?.id);
    const type = serverTypes.find((one) => one.name === cloud.serverType);
    const old = serverTypes.find((one) => one.name === typeInState(state, name));
    if (type === undefined) return [];
    if (old !== undefined && old.architecture !== type.architecture)
      return [
        configFault(
          `${name}: a server cannot go from ${old.name} (${old.architecture}) to ${type.name} (${type.architecture})`,
          "Add another host, and take this one out.",
        ),
      ];
    const disk = server?.primary_disk_size ?? 0;
    if (type.disk >= disk) return [];
    return [
      configFault(
        `${name}: its disk has ${disk} GB, and ${type.name} has ${type.disk}`,
        "Choose a type with at least as much, or replace the host.",
      ),
    ];
  });
}
