/**
 * The cluster as the operator wants it: the settings with nothing left to look up, and without a
 * secret. This is what a plan is made from.
 */
import { isIP } from "node:net";
import type { TakeoverAddress } from "../../contract/agent-config.ts";
import type { FencingMode, PowerDeviceConfig } from "../../contract/fencing.ts";
import type { LeaseTiming } from "../../contract/timing.ts";
import type { HostRole, Network } from "../../contract/topology.ts";
import type { SshEnd } from "../../ssh/way.ts";
import type { HostArch, Settings } from "./schema.ts";

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
  /** The way from this machine to the host. */
  readonly ssh: SshEnd & { readonly proxy: SshEnd | null };
  /** The port of its own SSH server, which its firewall opens. */
  readonly sshdPort: number;
  /** How its successor answers for it when it is dark; null: not at all. */
  readonly takeoverAddress: TakeoverAddress | null;
  /** How others cut its power; null: they cannot. */
  readonly fence: HostFence | null;
}

/** As its agents' configuration has it; a command, which is in a unit of its own there, in place of that unit. */
export type HostFence =
  | Omit<Extract<PowerDeviceConfig, { device: "hcloud" }>, "host">
  | { readonly device: "command"; readonly command: readonly string[]; readonly timeoutMs: number };

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
}

/** @param publicKey of the validator key that came with these settings, and `nextPublicKey` of the next one. */
export function topologyFrom(settings: Settings, publicKey: string, nextPublicKey: string | null = null): Topology {
  const { artifact: _, genesis, chainId, ...neard } = settings.neard;
  return {
    network: settings.network,
    account: settings.validator.account,
    publicKey,
    nextPublicKey,
    hosts: settings.hosts.toSorted(byName).map((host) => ({
      name: host.name,
      address: host.address,
      roles: [...new Set(host.roles)].toSorted(),
      zone: host.zone ?? null,
      arch: host.arch,
      priority: host.priority,
      publicAddrs: host.publicAddrs,
      ssh: sshOf(host, settings.ssh),
      sshdPort: host.port ?? settings.ssh.port,
      takeoverAddress: takeoverAddressOf(host, neard.networkPort),
      fence: fenceOf(host),
    })),
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
  };
}

function sshOf(host: Settings["hosts"][number], common: Settings["ssh"]): Host["ssh"] {
  const proxy = host.ssh.proxy ?? common.proxy;
  return {
    host: host.ssh.host ?? host.address,
    port: host.ssh.port ?? host.port ?? common.port,
    user: host.user ?? common.user,
    hostKey: bareKey(host.hostKey),
    proxy: proxy === undefined ? null : { ...proxy, user: proxy.user ?? common.user, hostKey: bareKey(proxy.hostKey) },
  };
}

/** Without the comment: it is no part of the key, and some readers do not take it. */
const bareKey = (hostKey: string) => hostKey.split(" ").slice(0, 2).join(" ");

function takeoverAddressOf(host: Settings["hosts"][number], neardPort: number): TakeoverAddress | null {
  if (host.takeoverAddress === undefined) return null;
  const { mover, command = "", address = host.address } = host.takeoverAddress;
  const common = { host: host.name, address, neardPort, hostAddress: host.address };
  return mover === "arp" ? { ...common, mover } : { ...common, mover, command };
}

function fenceOf({ name, address, ssh, fence }: Settings["hosts"][number]): HostFence | null {
  if (fence === undefined) return null;
  const { device, command = [], server = name, serverId, timeoutMs } = fence;
  if (device === "command") return { device, command, timeoutMs };
  // Whichever of its addresses the cloud knows; a name is none.
  const addresses = [address, ...(ssh.host === undefined ? [] : [ssh.host])].filter((one) => isIP(one) !== 0);
  return {
    device,
    server,
    ...(serverId === undefined ? {} : { serverId }),
    addresses: [...new Set(addresses)],
    timeoutMs,
  };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

export function hasRole(role: HostRole): (host: Pick<Host, "roles">) => boolean {
  return (host) => host.roles.includes(role);
}
