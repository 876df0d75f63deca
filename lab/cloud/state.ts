/**
 * Everything the cloud knows, as plain data: written to a file after each change and read again by the next process.
 * Times are milliseconds since 1970, as an argument gave them.
 */
import type { ServerType } from "./catalogue.ts";
import type { Fault } from "./faults.ts";
import type { Order } from "./machines.ts";

export type Labels = Record<string, string>;

interface Named {
  readonly id: number;
  name: string;
  labels: Labels;
  readonly createdMs: number;
}

export type ServerStatus = "initializing" | "starting" | "running" | "stopping" | "off" | "deleting" | "migrating";

export interface PrivateNet {
  readonly network: number;
  readonly ip: string;
  readonly aliasIps: string[];
  readonly mac: string;
}

export interface Server extends Named {
  status: ServerStatus;
  location: string;
  serverType: string;
  image: number;
  userData: string;
  sshKeys: number[];
  /** Id of the primary IP; null: none. */
  ipv4: number | null;
  ipv6: number | null;
  privateNet: PrivateNet[];
  placementGroup: number | null;
  firewalls: number[];
  protection: { delete: boolean; rebuild: boolean };
  /** GB */
  diskSize: number;
  backups: boolean;
  /** What the API says whatever the machine does: set by a lying power-off, ended by the next honest order. */
  pretended: ServerStatus | null;
}

export interface Subnet {
  readonly type: "cloud" | "server" | "vswitch";
  readonly ipRange: string;
  readonly networkZone: string;
  readonly gateway: string;
  readonly vswitchId: number | null;
}

export interface Network extends Named {
  ipRange: string;
  subnets: Subnet[];
  routes: { destination: string; gateway: string }[];
  protection: { delete: boolean };
  exposeRoutes: boolean;
}

export interface FirewallRule {
  readonly direction: "in" | "out";
  readonly protocol: string;
  readonly port: string | null;
  readonly source_ips: string[];
  readonly destination_ips: string[];
  readonly description: string | null;
}

export interface Firewall extends Named {
  rules: FirewallRule[];
  /** Label selectors that it applies to, besides the servers that name it. */
  selectors: string[];
}

export interface PrimaryIp extends Named {
  readonly type: "ipv4" | "ipv6";
  /** An address, or a /64 network. */
  readonly ip: string;
  readonly location: string;
  autoDelete: boolean;
  /** Id of the server that has it. */
  assignee: number | null;
  protection: { delete: boolean };
  dnsPtr: { ip: string; dns_ptr: string }[];
}

export interface SshKey extends Named {
  readonly publicKey: string;
  readonly fingerprint: string;
}

export interface PlacementGroup extends Named {
  readonly type: "spread";
}

/** Collections of a project; their names are the API's. */
export interface Collections {
  servers: Server[];
  networks: Network[];
  firewalls: Firewall[];
  primary_ips: PrimaryIp[];
  ssh_keys: SshKey[];
  placement_groups: PlacementGroup[];
}

export interface Project extends Collections {
  readonly name: string;
  /** Requests that are left, as of `atMs`; one comes back per second. */
  quota: { remaining: number; atMs: number };
}

/** What an action does when it begins or ends. */
export type Effect =
  | { readonly kind: "change"; readonly of: keyof Collections; readonly id: number; readonly to: object }
  | { readonly kind: "remove"; readonly of: keyof Collections; readonly id: number };

export interface Action {
  readonly id: number;
  /** Index of its project. */
  readonly project: number;
  readonly command: string;
  readonly resources: readonly { readonly id: number; readonly type: string }[];
  status: "running" | "success" | "error";
  readonly askedMs: number;
  /** Id of the action that ends before this one begins. */
  readonly after: number | null;
  begunMs: number | null;
  finishedMs: number | null;
  /** At least so long, and as long as its order takes. */
  readonly durationMs: number;
  readonly onBegin: readonly Effect[];
  readonly onEnd: readonly Effect[];
  readonly order: Order | null;
  orderDoneMs: number | null;
  /** The API refuses other actions on its resources with `locked` meanwhile. */
  readonly locks: boolean;
  /** Never ends. */
  readonly hangs: boolean;
  /** How it ends if not well. */
  failure: { code: string; message: string } | null;
}

/** One request that was answered, for tests and for the count of writes. */
export interface Call {
  readonly atMs: number;
  readonly project: string | null;
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

export interface CloudState {
  nextId: number;
  nextCorrelation: number;
  projects: Project[];
  serverTypes: ServerType[];
  actions: Action[];
  faults: Fault[];
  /** The latest; older ones are only counted. */
  calls: Call[];
  /** All of them since the beginning: everything but GET is a write. */
  counts: { reads: number; writes: number };
}

export function newProject(name: string, nowMs: number, quota: number): Project {
  return {
    name,
    quota: { remaining: quota, atMs: nowMs },
    servers: [],
    networks: [],
    firewalls: [],
    primary_ips: [],
    ssh_keys: [],
    placement_groups: [],
  };
}
