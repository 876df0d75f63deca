/**
 * A host with everything filled in that follows from other settings: for one at a cloud, its private address, architecture
 * and zone. Pure; a fault in these settings is told elsewhere (cloud-checks.ts).
 */
import type { HostRole, Network } from "../../contract/topology.ts";
import type { HcloudSettings } from "./hcloud-schema.ts";
import { addressByName } from "./private-network.ts";
import type { HostArch, Settings } from "./schema.ts";

type HostSettings = Settings["hosts"][number];

export type SettledHost = Omit<HostSettings, "address" | "arch" | "zone"> & {
  readonly address: string;
  readonly arch: HostArch;
  readonly zone: string | null;
};

/** A host at a cloud, as it is in the settings. */
export type CloudSettings = NonNullable<HostSettings["cloud"]>;

/** Until there is a section hcloud, which is a fault. */
const defaultSubnet = "10.233.0.0/17";

export function settle(host: HostSettings, hcloud: HcloudSettings | undefined): SettledHost {
  return {
    ...host,
    // One that exists has an address, or it would not have passed the schema.
    address: host.address ?? addressByName(host.name, hcloud?.network.subnet ?? defaultSubnet),
    arch: host.arch ?? archOf(host.cloud),
    zone: host.zone ?? zoneOf(host.cloud),
  };
}

/** A location is what one event can take; its name alone might be another provider's, too. */
function zoneOf(cloud: CloudSettings | undefined): string | null {
  return cloud === undefined ? null : `${cloud.provider}-${cloud.location}`;
}

/** By Hetzner's naming: CAX are the Arm types. The API has the last word, before anything is made. */
function archOf(cloud: CloudSettings | undefined): HostArch {
  return cloud?.serverType?.startsWith("cax") === true ? "arm64" : "x64";
}

/**
 * Where nobody names a type. A public chain needs more disk than any smaller one has; the lab's and an arbiter's needs are
 * those of Consul and the agent.
 */
export function serverTypeOf(
  { serverType }: Pick<CloudSettings, "serverType">,
  roles: readonly HostRole[],
  network: Network,
): string {
  if (serverType !== undefined) return serverType;
  if (!roles.includes("neard")) return "cx23";
  return network === "localnet" ? "cx33" : "ccx63";
}

/** @see https://docs.hetzner.com/cloud/general/locations */
const zones: Readonly<Record<string, string>> = {
  fsn1: "eu-central",
  nbg1: "eu-central",
  hel1: "eu-central",
  ash: "us-east",
  hil: "us-west",
  sin: "ap-southeast",
};

/** The network zone of a location that we know; Hetzner may have others. */
export function networkZoneOf(location: string): string | undefined {
  return Object.hasOwn(zones, location) ? zones[location] : undefined;
}

/** What names at Hetzner begin with. */
export function cloudNameOf(hcloud: HcloudSettings, network: Network): string {
  return hcloud.name ?? `holdfast-${network}`;
}
