/** Where things are on a host. Nothing else in the code spells these paths. */

const etc = "/etc/holdfast";

export const paths = {
  /** Programs and our own bundle; root-owned, replaced by rename. */
  opt: "/opt/holdfast",
  bin: "/opt/holdfast/bin",
  node: "/opt/holdfast/bin/node",
  /** A two-line shell wrapper that runs the bundle with our Node. */
  holdfastd: "/opt/holdfast/bin/holdfastd",
  /** Our bundles, each under its checksum: see `bundlePath`. */
  lib: "/opt/holdfast/lib",
  /** Perl: opens the agent's socket to systemd; see infra/plan/notify-socket.ts. */
  withNotifySocket: "/opt/holdfast/lib/with-notify-socket.pl",
  consul: "/opt/holdfast/bin/consul",
  neard: "/opt/holdfast/bin/neard",

  etc,
  /** contract/wire/identity.ts: whose this host is; no secret in it. */
  deployment: `${etc}/deployment.json`,
  /** contract/wire/agent-config.ts; no secret in it. For everybody but the agent, which has its own: `ownConfigPath`. */
  agentConfig: `${etc}/agent.json`,
  /** What the last apply of each concern was given, without secrets: `<concern>.json`. */
  specs: `${etc}/specs`,
  /** Sealed by converge/credentials.ts: `<name>.cred`, name as in CredentialName. */
  credentials: `${etc}/credentials`,
  consulConfig: `${etc}/consul`,
  /** PEM: the cluster's own authority, and this host's certificate. The private key is a credential. */
  caCertificate: `${etc}/tls/ca.pem`,
  hostCertificate: `${etc}/tls/host.pem`,
  /** The host's own firewall, loaded by units.firewall. */
  firewall: `${etc}/firewall.nft`,

  /** Where CopyToRemote puts artifacts; checked against their sha256 before use. */
  upload: "/var/lib/holdfast/upload",
  state: "/var/lib/holdfast",
  /** Only where systemd has no key of the host's own (before 250): 32 random bytes, for root alone. */
  hostSecret: "/var/lib/holdfast/host-secret",
  /** Consul's data as it was before its version changed, the last few: for root alone, for there are tokens in it. */
  consulSnapshots: "/var/lib/holdfast/consul-snapshots",
  consulData: "/var/lib/holdfast-consul",
  neardHome: "/var/lib/neard",

  /** flock(1)ed by the one converge (apply, check, remove) that may run at a time. */
  convergeLock: "/run/holdfast-converge.lock",
  /** Checksums of large files that were read since boot: converge/digest-memory.ts. */
  digests: "/run/holdfast-digests.json",

  /** ramfs, only where systemd cannot unseal by itself: what it loads credentials from, `<name>`. */
  unsealed: "/run/holdfast_unsealed",

  run: "/run/holdfast",
  socket: "/run/holdfast/holdfastd.sock",
  /** The holder's lease, for a restarted agent and for `holdfastd expire`. Gone after a reboot. */
  leaseFile: "/run/holdfast/lease.json",
  /** There while the lock's records are doubted, for a restarted agent. Gone after a reboot. */
  doubtFile: "/run/holdfast/lock-doubted",
  /** Take-overs of this host that are not in Consul's history yet. Gone after a reboot. */
  historyJournal: "/run/holdfast/history.json",
  /** tmpfs: the only place where the validator key is ever in clear, and only on the holder. */
  keyDirectory: "/run/holdfast-key",
  validatorKey: "/run/holdfast-key/validator_key.json",
} as const;

/**
 * The bundle with this sha256. The next release's lies beside it, and a unit names the one that it runs: so whenever a host is
 * cut off in the middle of an upgrade, its agent starts again from a pair that belongs together, a bundle and the
 * configuration that was made for it. (0.1 had one bundle, lib/holdfastd.cjs, and its agent reads paths.agentConfig.)
 */
export function bundlePath(sha256: string): string {
  return `${paths.lib}/holdfastd-${sha256.slice(0, 16)}.cjs`;
}

/** The agent's own copy of its configuration, under the checksum of the text, for the same reason. */
export function ownConfigPath(sha256: string): string {
  return `${etc}/agent-${sha256.slice(0, 16)}.json`;
}

export function isOwnConfig(path: string): boolean {
  return path.startsWith(`${etc}/agent-`);
}

/** In the agent's environment: the number of its open socket to systemd's notifications. */
export const notifySocketVariable = "HOLDFAST_NOTIFY_FD";
/** The same: of its socket on which the kernel tells of changed packet filter rules. */
export const ruleSocketVariable = "HOLDFAST_RULES_FD";

/** What the fence command of `host` wrote, the last time that it ran; see agent/power/command-device.ts. */
export const powerOutput = (host: string, action: string, stream: "out" | "err"): string =>
  `${paths.run}/power-${host}-${action}.${stream}`;

/** Unix users and groups that holdfast makes. */
export const users = { neard: "neard", consul: "holdfast-consul" } as const;

/** Of `paths.keyDirectory`: neard's group may read there, and nobody but root may put anything. */
export const keyDirectoryRights = { mode: "0750", owner: "root", group: users.neard } as const;

/** systemd units that holdfast makes. */
export const units = {
  agent: "holdfastd.service",
  neard: "neard.service",
  consul: "holdfast-consul.service",
  firewall: "holdfast-firewall.service",
  /** These two only where systemd cannot unseal by itself. */
  unsealedMount: "run-holdfast_unsealed.mount",
  unseal: "holdfast-unseal.service",
} as const;

/** Template unit that runs the fence command for `host`; its instance is the action. */
export const powerUnit = (host: string): string => `holdfast-power-${host}@.service`;

/** The nftables table (family inet) of the host's own firewall. */
export const firewallTable = "holdfast_firewall";
/** nftables table (inet) of the fence; only the agent writes it. */
export const fenceTable = "holdfast";
/** nftables table (inet) that is there while the agent ends a dark host's connections (agent/address/half-open.ts). */
export const standInTable = "holdfast_address";

/**
 * Services of others whose being active means that they manage packet filter rules. nftables.service is not among them:
 * ours goes along with it; and ufw's is active on every Ubuntu, switched on or not.
 */
export const firewallManagers = ["firewalld", "docker", "shorewall", "ferm", "netfilter-persistent"] as const;

/** Names of systemd credentials, as given to LoadCredentialEncrypted=. */
export const credentials = {
  /** The validator key file's JSON. Only on neard hosts. */
  validatorKey: "validator-key",
  /** The same for `nextValidatorKey`, while the account's key is being changed. */
  nextValidatorKey: "next-validator-key",
  /** The token by which neard hosts power each other off at the cloud. Only on neard hosts, only with fencing. */
  fencingToken: "fencing-token",
  /** What the fence command needs to know, for its unit alone. */
  fencingSecret: "fencing-secret",
  /** The Consul token of this host, for its Consul and its agent. */
  consulToken: "consul-token",
  /** PEM private key of the host's certificate. */
  tlsKey: "tls-key",
  /** Consul configuration with secrets in it (gossip key, tokens). */
  consulSecrets: "consul-secrets",
} as const;

/** Default TCP ports. The agent's HTTP port is the one that kuutamod's metrics had. */
export const ports = {
  ssh: 22,
  agentHttp: 2233,
  consulServerRpc: 8300,
  consulGossip: 8301,
  consulHttps: 8501,
  neardRpc: 3030,
  neardNetwork: 24567,
} as const;
