/**
 * The cluster as the operator wants it: the settings with nothing left to look up, and without a
 * secret. This is what a plan is made from.
 */
import { isIP } from "node:net";
import { defaultPowerMs, type FencingMode, type PowerDeviceConfig } from "../../contract/fencing.ts";
import { ports } from "../../contract/paths.ts";
import type { LeaseTiming } from "../../contract/timing.ts";
import type { HostRole, Network } from "../../contract/topology.ts";
import type { TakeoverAddress } from "../../contract/wire/agent-config.ts";
import type { SshEnd } from "../../ssh/way.ts";
import { ownHostKey, ownPublicAddress } from "../plan/secret-names.ts";
import type { FenceSettings } from "./fencing-schema.ts";
import type { HcloudSettings } from "./hcloud-schema.ts";
import type { HostArch, Settings } from "./schema.ts";
import { cloudNameOf, networkZoneOf, type SettledHost, serverTypeOf, settle } from "./settled-host.ts";
import { bareKey, publicKeyIn } from "./ssh-public-key.ts";

/** How Pulumi makes a host, and keeps it. */
export interface CloudHost {
  /** The server's name at Hetzner, and what its address and attachment are called after. */
  readonly serverName: string;
  readonly serverType: string;
  readonly location: string;
  readonly image: string;
  /** Pulumi refuses to delete or replace it. */
  readonly protect: boolean;
  /** What is taken over as it runs, by its ids, until its server is replaced; null: all is made. */
  readonly adopt: Adoption | null;
}

export interface Adoption {
  readonly server: number;
  readonly primaryIp: number;
  /** The SSH host key that it has. */
  readonly hostKey: string;
}

/** What the hosts at Hetzner Cloud have in common; the token is no part of it. */
export interface Cloud {
  /** What names begin with. */
  readonly name: string;
  /** Null: the public API. */
  readonly endpoint: string | null;
  /** IPv4 blocks, and the network zone. */
  readonly network: { readonly range: string; readonly subnet: string; readonly zone: string };
  readonly spread: boolean;
  /** The operator's. */
  readonly labels: Readonly<Record<string, string>>;
  readonly protect: boolean;
  /** What lets this stack into new servers: a key to register, or the name of one that is in the project. */
  readonly sshKey: { readonly publicKey: string } | { readonly name: string };
}

export interface Host {
  readonly name: string;
  /** IPv4 or IPv6. */
  readonly address: string;
  readonly roles: readonly HostRole[];
  readonly zone: string | null;
  readonly arch: HostArch;
  readonly priority: number;
  /** Sound; without a node key where it is this host's own. */
  readonly publicAddrs: readonly string[];
  /**
   * The way from this machine to the host. At a cloud, address and host key are made together with the host: here are marks
   * in their place (infra/plan/secret-names.ts), which infra/components fills in.
   */
  readonly ssh: SshEnd & { readonly proxy: SshEnd | null };
  /** The port of its own SSH server, which its firewall opens. */
  readonly sshdPort: number;
  /** How its successor answers for it when it is dark; null: not at all. */
  readonly takeoverAddress: TakeoverAddress | null;
  /** How others cut its power; null: they cannot. */
  readonly fence: HostFence | null;
  /** Null: it exists already. */
  readonly cloud: CloudHost | null;
}

/** As its agents' configuration has it; a command, which is in a unit of its own there, in place of that unit. */
export type HostFence =
  | Omit<Extract<PowerDeviceConfig, { device: "hcloud" }>, "host">
  | { readonly device: "command"; readonly command: readonly string[]; readonly timeoutMs: number };

/** A host that Pulumi makes. */
export type HostAtCloud = Host & { readonly cloud: CloudHost };
export const isAtCloud = (host: Host): host is HostAtCloud => host.cloud !== null;

export interface Topology {
  readonly network: Network;
  readonly account: string;
  /** The validator's public key, `ed25519:<base58>`. */
  readonly publicKey: string;
  /** The key that the account is going over to; null: it is not being changed. */
  readonly nextPublicKey: string | null;
  /** By name: the order in which the operator wrote them means nothing, and moving one restarts nobody. */
  readonly hosts: readonly Host[];
  /** Names of hosts that died for good. */
  readonly gone: readonly string[];
  /** Id of the deployment whose hosts are taken over; null: none is. */
  readonly adopt: string | null;
  readonly lease: LeaseTiming;
  readonly fencing: {
    readonly mode: FencingMode;
    readonly skipWait: boolean;
    /** There is a secret for the fence commands. */
    readonly hasSecret: boolean;
  };
  readonly consul: { readonly datacenter: string };
  readonly neard: Omit<Settings["neard"], "artifact" | "genesis" | "chainId"> & {
    readonly chainId: string;
    /** A genesis file is given; else neard writes its own. */
    readonly hasGenesis: boolean;
  };
  readonly firewall: { readonly ssh: readonly string[]; readonly monitoring: readonly string[] };
  /** Null: no section hcloud, and all hosts exist. */
  readonly cloud: Cloud | null;
}

/** @param publicKey of the validator key that came with these settings, and `nextPublicKey` of the next one. */
export function topologyFrom(settings: Settings, publicKey: string, nextPublicKey: string | null = null): Topology {
  const { artifact: _, genesis, chainId, ...neard } = settings.neard;
  return {
    network: settings.network,
    account: settings.validator.account,
    publicKey,
    nextPublicKey,
    hosts: settings.hosts
      .toSorted(byName)
      .map((host) => settle(host, settings.hcloud))
      .map((host) => hostFrom(host, settings)),
    gone: [...new Set(settings.gone)].toSorted(),
    adopt: settings.adopt ?? null,
    lease: settings.lease,
    fencing: {
      mode: settings.fencing,
      skipWait: settings.fencingSkipsWait,
      hasSecret: (settings.fencingSecret ?? "") !== "",
    },
    consul: { datacenter: settings.consul.datacenter },
    neard: { ...neard, chainId: chainId ?? settings.network, hasGenesis: genesis !== undefined },
    firewall: settings.firewall,
    cloud: settings.hcloud === undefined ? null : cloudFrom(settings.hcloud, settings),
  };
}

function hostFrom(host: SettledHost, settings: Settings): Host {
  const { networkPort } = settings.neard;
  const ownAddrs =
    host.cloud !== undefined && host.roles.includes("neard") ? [`${ownPublicAddress}:${networkPort}`] : [];
  return {
    name: host.name,
    address: host.address,
    roles: [...new Set(host.roles)].toSorted(),
    zone: host.zone,
    arch: host.arch,
    priority: host.priority,
    publicAddrs: host.publicAddrs.length === 0 ? ownAddrs : host.publicAddrs,
    ssh: sshOf(host, settings.ssh),
    sshdPort: host.cloud === undefined ? (host.port ?? settings.ssh.port) : ports.ssh,
    takeoverAddress: takeoverAddressOf(host, networkPort),
    fence: fenceOf(host, settings),
    cloud: cloudHostFrom(host, settings),
  };
}

function cloudHostFrom({ name, roles, cloud, hostKey }: SettledHost, { hcloud, network }: Settings): CloudHost | null {
  if (cloud === undefined || hcloud === undefined) return null;
  return {
    serverName: `${cloudNameOf(hcloud, network)}-${name}`,
    serverType: serverTypeOf(cloud, roles, network),
    location: cloud.location,
    image: cloud.image,
    protect: cloud.protect ?? hcloud.protect,
    adopt: cloud.adopt === undefined ? null : { ...cloud.adopt, hostKey: bareKey(hostKey ?? "") },
  };
}

/** Where no host is at the cloud (any more), the network still has a zone. */
const usualZone = "eu-central";

function cloudFrom(hcloud: HcloudSettings, { network, hosts, ssh }: Settings): Cloud {
  const zones = hosts.flatMap(({ cloud }) => (cloud === undefined ? [] : [networkZoneOf(cloud.location)]));
  const { endpoint = null, labels, spread, protect, sshKeyName, sshPublicKey } = hcloud;
  return {
    name: cloudNameOf(hcloud, network),
    endpoint,
    network: { ...hcloud.network, zone: hcloud.network.zone ?? zones.find((zone) => zone !== undefined) ?? usualZone },
    spread,
    labels,
    protect,
    // There is one of these, or the checks would have said so.
    sshKey:
      sshKeyName === undefined
        ? { publicKey: bareKey(sshPublicKey ?? publicKeyIn(ssh.privateKey ?? "") ?? "") }
        : { name: sshKeyName },
  };
}

function sshOf(host: SettledHost, common: Settings["ssh"]): Host["ssh"] {
  const proxy = host.ssh.proxy ?? common.proxy;
  const made = host.cloud !== undefined;
  return {
    host: made ? ownPublicAddress : (host.ssh.host ?? host.address),
    port: made ? ports.ssh : (host.ssh.port ?? host.port ?? common.port),
    user: made ? "root" : (host.user ?? common.user),
    hostKey: made ? ownHostKey : bareKey(host.hostKey as string),
    proxy: proxy === undefined ? null : { ...proxy, user: proxy.user ?? common.user, hostKey: bareKey(proxy.hostKey) },
  };
}

function takeoverAddressOf(host: SettledHost, neardPort: number): TakeoverAddress | null {
  if (host.takeoverAddress === undefined) return null;
  const { mover, command = "", address = host.address } = host.takeoverAddress;
  const common = { host: host.name, address, neardPort, hostAddress: host.address };
  return mover === "arp" ? { ...common, mover } : { ...common, mover, command };
}

/** One that Pulumi makes is fenced by the cloud's API unless it says otherwise, as soon as anybody is fenced at all. */
function fenceOf(host: SettledHost, settings: Settings): HostFence | null {
  const made = cloudHostFrom(host, settings);
  const fence = host.fence ?? (made === null || settings.fencing === "off" ? undefined : cloudFence);
  if (fence === undefined) return null;
  const { device, command = [], server = made?.serverName ?? host.name, serverId, timeoutMs } = fence;
  if (device === "command") return { device, command, timeoutMs };
  const endpoint = settings.hcloud?.endpoint;
  // Whichever of its addresses the cloud knows; a name is none.
  const addresses = [host.address, ...(host.ssh.host === undefined ? [] : [host.ssh.host])].filter(
    (one) => isIP(one) !== 0,
  );
  return {
    device,
    server,
    ...(serverId === undefined ? {} : { serverId }),
    addresses: [...new Set(addresses)],
    ...(endpoint === undefined ? {} : { endpoint }),
    timeoutMs,
  };
}

const cloudFence: FenceSettings = { device: "hcloud", timeoutMs: defaultPowerMs };

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

export function hasRole(role: HostRole): (host: Pick<Host, "roles">) => boolean {
  return (host) => host.roles.includes(role);
}
