/**
 * The stack's configuration: everything under `holdfast:` in Pulumi.<stack>.yaml. Shapes and ranges
 * only; what depends on more than one setting is in cross-checks.ts. The descriptions become
 * docs/holdfast.schema.json and docs/configuration.md (see publish-schema.ts).
 */
import * as z from "zod";
import { addressFault, blockFault, canonicalAddress, canonicalBlock } from "../../contract/address.ts";
import { ports } from "../../contract/paths.ts";
import { leaseTimingSchema } from "../../contract/timing.ts";
import { accountSchema, hostNameSchema, networkSchema, roleSchema } from "../../contract/topology.ts";
import { deploymentIdSchema } from "../../contract/wire/identity.ts";
import { isBootNode } from "./boot-nodes.ts";
import { fenceSchema, fencingSettings } from "./fencing-schema.ts";
import { cloudHostSchema, hcloudSchema } from "./hcloud-schema.ts";
import { canonicalPublicAddr, mostPublicAddrs, publicAddrFrom } from "./public-addrs.ts";
import { isWholePublicKey } from "./ssh-public-key.ts";

const port = z.number().int().min(1).max(65535);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be a sha256: 64 hexadecimal digits in lower case");
/** A text in which `faultOf` finds nothing. */
const soundText = (faultOf: (text: string) => string | null) =>
  z.string().refine((text) => faultOf(text) === null, { error: ({ input }) => faultOf(String(input)) ?? "" });

const address = soundText(addressFault).transform(canonicalAddress);

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. */
const cidr = soundText(blockFault).transform(canonicalBlock);

/** A text of the operator's that ends up in a path, an argument or a message. */
const line = z.string().regex(/^\P{Cc}*$/u, "must be one line without control characters");

/** Patience; no timer takes more than 24 days, and no host waits for an hour. */
const patience = (least: number) => z.number().int().min(least).max(3_600_000);

/** One that no shell and no option parser takes for anything else. */
const unixUser = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, "must be a Unix user name");

/** An address, or a name as DNS has them: nothing that ssh could take for an option. */
const sshHost = z
  .string()
  .refine(
    (text) =>
      addressFault(text) === null || /^(?=.*[A-Za-z])[A-Za-z0-9_]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?$/.test(text),
    "must be an IPv4 or IPv6 address, or a host name",
  )
  .transform(canonicalAddress);

const hostKey = z
  .string()
  .regex(/^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+={0,2}( .*)?$/, {
    message:
      'must be a public host key of type ed25519 or ecdsa, such as "ssh-ed25519 AAAA…" (ssh-keyscan -t ed25519 ADDRESS)',
    abort: true,
  })
  .refine(isWholePublicKey, "is not a whole public key: it was cut short, or changed on the way");

const proxy = z.strictObject({
  host: sshHost.describe("Where this machine reaches the jump host"),
  port: port.default(ports.ssh).describe("Its SSH port"),
  user: unixUser.optional().describe("Its user, with the same key as the hosts; default: ssh.user"),
  hostKey: hostKey.describe("Its public SSH key; no other is accepted"),
});

/** A file that hosts need, from this machine or from the network. */
const source = z.strictObject({
  source: line.min(1).describe("Path on this machine (relative to the project folder), or an https:// URL"),
  sha256: sha256.optional().describe("Checksum of the file; required for a URL, verified wherever it is given"),
});

export const hostArchSchema = z.enum(["x64", "arm64"]);
export type HostArch = z.infer<typeof hostArchSchema>;

/** What `uname -m` says on each. */
export const machines = { x64: "x86_64", arm64: "aarch64" } as const satisfies Record<HostArch, string>;

const hostShape = z.strictObject({
  name: hostNameSchema.describe("Name of the host: its Consul node name and part of resource names"),
  address: address
    .optional()
    .describe(
      "Where the other hosts reach it, and this machine where ssh.host is not given; an address of its own. **Required** for a host that exists; at a cloud the private one, default: an address in hcloud.network.subnet that follows from the name",
    ),
  cloud: cloudHostSchema
    .optional()
    .describe("Makes the host at a cloud, with a public address of its own; absent: it exists already"),
  user: unixUser
    .optional()
    .describe("SSH user: root, or one with passwordless sudo; default: ssh.user, at a cloud root"),
  port: port.optional().describe("Port of its SSH server; default: ssh.port, at a cloud 22"),
  hostKey: hostKey
    .optional()
    .describe(
      "The host's public SSH key; no other is accepted. **Required** for a host that exists, and for one that is adopted; at a cloud it is made",
    ),
  ssh: z
    .strictObject({
      host: sshHost
        .optional()
        .describe(
          "Where this machine reaches it, if not at its address: behind a 1:1 NAT the outer one; default: address",
        ),
      port: port.optional().describe("The port there, if it is translated to another one; default: port"),
      proxy: proxy.optional().describe("Jump host on the way to this host; default: ssh.proxy"),
    })
    .prefault({})
    .describe("The way from this machine to the host"),
  roles: z
    .array(roleSchema)
    .min(1, "must have neard, consul or both")
    .prefault(["consul", "neard"])
    .describe("neard: may validate. consul: votes. A host with consul alone is an arbiter"),
  zone: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, "use letters, digits, dots, hyphens and underscores, at most 64 of them")
    .optional()
    .describe(
      "What one event can take together (a provider's site, a rack, a power supply): hosts with neard, or a majority of Consul, in one zone are a warning; default: at a cloud provider and location, such as hcloud-fsn1",
    ),
  arch: hostArchSchema
    .optional()
    .describe("Machine architecture; default: x64, at a cloud that of the server type (arm64 for cax…)"),
  priority: z
    .number()
    .int()
    .min(0)
    .max(1000)
    .default(100)
    .describe("Among standbys that are ready the highest takes over; ties go by name"),
  takeoverAddress: z
    .strictObject({
      mover: z
        .enum(["arp", "command"])
        .describe(
          "arp: the hosts are on one layer 2 (IPv4), and the successor's takes the address there for 12 s. " +
            "command: a program of yours moves it",
        ),
      command: line
        .startsWith("/", "must be an absolute path on the hosts")
        .optional()
        .describe("For mover command: called with take ADDRESS HOST SECONDS, later with give-back ADDRESS HOST"),
      address: address.optional().describe("The address that neard's peers know; default: the host's address"),
    })
    .optional()
    .describe(
      "How the successor answers for this host's address when this host has lost power, so that other validators " +
        "hear the successor in seconds instead of minutes; see docs/operate/power-loss.md",
    ),
  fence: fenceSchema
    .optional()
    .describe(
      "How this host's power is cut before another takes over from it; default: at a cloud by its API. See docs/operate/fencing.md",
    ),
  publicAddrs: z
    .array(
      z
        .string()
        .refine(
          (text) => publicAddrFrom(text) !== null,
          'must look like "203.0.113.7:24567", or "[2001:db8::7]:24567": an IPv6 address in brackets, and a port; ' +
            'for a node that passes messages on, "ed25519:…@" and its address',
        )
        .transform(canonicalPublicAddr),
    )
    .max(mostPublicAddrs, `must have at most ${mostPublicAddrs} entries: neard takes no more`)
    .prefault([])
    .describe(
      "Where other validators dial this host's neard, as `ip:port` (its node key is put before it), or another node that passes messages on to it, as `ed25519:…@ip:port`; default: at a cloud the host's public address, elsewhere neard asks STUN servers for it",
    ),
});

/** What a host that exists must say of itself, and one that is yet to be made cannot. */
const host = hostShape.check(({ value, issues }) => {
  if (value.cloud !== undefined) return;
  for (const name of ["address", "hostKey"] as const)
    if (value[name] === undefined) issues.push({ code: "custom", path: [name], input: value, message: "is missing" });
});

const neard = z.strictObject({
  version: z
    .string()
    .regex(/^\d{1,4}\.\d{1,4}\.\d{1,4}[A-Za-z0-9.-]{0,32}$/, 'must be a release, such as "2.13.4"')
    .describe("Release of neard"),
  artifact: z
    .strictObject({
      source: source.shape.source
        .optional()
        .describe("Path or URL of the binary; default: the official build of `version`"),
      sha256: source.shape.sha256,
    })
    .describe("The neard binary"),
  chainId: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, "use letters, digits, hyphens and underscores, at most 64 of them")
    .optional()
    .describe("Default: the network's name"),
  genesis: source.optional().describe("Genesis file; default: what `neard init` writes for the chain"),
  bootNodes: z
    .array(
      z
        .string()
        .refine(
          isBootNode,
          'must look like "ed25519:…@host:port": a whole public key, then a name, an IPv4 address or an IPv6 address in ' +
            "brackets, and a port from 1 to 65535",
        ),
    )
    .min(1, "must name at least one peer, or neard finds none")
    .describe("Peers to start from"),
  rpcPort: port.default(ports.neardRpc).describe("RPC and metrics; bound to loopback"),
  networkPort: port.default(ports.neardNetwork).describe("Peers connect here; open to all"),
  tier1: z
    .boolean()
    .default(true)
    .describe(
      "Direct connections between neard and the other validators. false: they reach it by the network's routes, hear a " +
        "successor in seconds after a power loss even where no address can be moved, and everything takes longer to " +
        "arrive; see docs/operate/power-loss.md",
    ),
  config: z
    .record(z.string(), z.json())
    .default({})
    .describe("Merged into neard's config.json; may not touch what holdfast owns there"),
  maxHeadAgeMs: patience(1000)
    .default(10_000)
    .describe("How old neard's head may be for a host to count as synced, in milliseconds"),
  hungMs: patience(1000)
    .default(10_000)
    .describe("An active neard without an answer for longer counts as hung: the holder gives way; in milliseconds"),
});

export const settingsSchema = z.strictObject({
  network: networkSchema.describe("localnet is the lab on this machine; the others are NEAR's public networks"),
  validator: z
    .strictObject({ account: accountSchema.describe("The staking-pool account that validates") })
    .describe("Whose key the cluster guards"),
  validatorKey: z
    .string()
    .describe(
      "Secret: the text of neard's validator_key.json (pulumi config set --secret validatorKey < validator_key.json)",
    ),
  nextValidatorKey: z
    .string()
    .optional()
    .describe(
      "Secret: only while the account's key is being changed, the key file of the new one (docs/operate/rotate-validator-key.md)",
    ),
  ssh: z
    .strictObject({
      privateKey: z.string().optional().describe("Secret: PEM or OpenSSH private key, without passphrase"),
      agent: z.boolean().default(false).describe("Use the keys of the ssh-agent instead"),
      user: unixUser.default("root").describe("User on hosts that name none"),
      port: port.default(ports.ssh).describe("Port on hosts that name none"),
      proxy: proxy.optional().describe("Jump host on the way to the hosts that name none"),
    })
    .describe("How to log in to the hosts"),
  hosts: z
    .array(host)
    .min(1, "must not be empty")
    .describe("The machines: those that exist already and answer over SSH, and those that are made at a cloud"),
  hcloud: hcloudSchema.optional().describe("Hetzner Cloud, for hosts with cloud; see docs/operate/cloud.md"),
  gone: z
    .array(hostNameSchema)
    .default([])
    .describe("Names of hosts that died for good and were taken out of hosts: nobody tries to clean them up any more"),
  adopt: deploymentIdSchema
    .optional()
    .describe(
      "Only after the stack's state was lost for good: id of the deployment, as the refusal shows it, whose hosts this " +
        "stack takes over with all their secrets; see docs/operate/lost-state.md",
    ),
  lease: leaseTimingSchema.prefault({}),
  ...fencingSettings,
  consul: z
    .strictObject({
      datacenter: z
        .string()
        .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "use lower-case letters, digits and hyphens, at most 63 of them")
        .default("holdfast")
        .describe("Name of the Consul datacenter; cannot be changed later"),
      artifact: source.optional().describe("The Consul binary; default: the one that `npm run toolchain` obtains"),
    })
    .prefault({})
    .describe("The Consul cluster"),
  neard,
  firewall: z
    .strictObject({
      ssh: z
        .array(cidr)
        .min(1, "must not be empty, or nobody gets in")
        .prefault(["0.0.0.0/0", "::/0"])
        .describe("Who may reach SSH"),
      monitoring: z.array(cidr).prefault([]).describe("Who, besides the cluster, may read health, status and metrics"),
    })
    .prefault({})
    .describe("Each host's own firewall"),
});

/** As the operator wrote it. */
export type SettingsInput = z.input<typeof settingsSchema>;
/** With all defaults filled in. */
export type Settings = z.output<typeof settingsSchema>;
