/**
 * What a lab is: its name, its network, its hosts, its chain. Kept as `lab.json` in the lab's state
 * directory, outside the repository, and read from there by the stack's configuration, the command
 * line, the tests and the benches.
 */
import { readFileSync } from "node:fs";
import * as z from "zod";
import { HoldfastError } from "../../contract/errors.ts";
import { hostNameSchema } from "../../contract/topology.ts";
import { writeAtomic } from "./files.ts";

/** The lab that `npm run localnet` uses. */
export const defaultLabName = "localnet";
/** What a new lab gets: enough for one holder, one standby and a third vote. */
export const defaultHostNames: readonly string[] = ["host-a", "host-b", "host-c"];

/** Short, for it becomes part of the bridge's name, which the kernel bounds to 15 characters. */
export const labNameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9]{0,7}$/, "a lab's name has one to eight lower-case letters and digits, a letter first");

const address = z.ipv4();

export const labHostSchema = z.strictObject({
  name: hostNameSchema,
  address,
  user: z.literal("root"),
  port: z.literal(22),
  /** `ssh-ed25519 <base64>`: made before the host's first boot, so the first connection is pinned already. */
  hostKey: z.string().startsWith("ssh-ed25519 "),
  arch: z.enum(["x64", "arm64"]),
  /** Which server of the lab's cloud it is; absent: it exists without one. */
  server: z.strictObject({ id: z.number().int(), name: z.string() }).optional(),
  /** Its place in the cloud's private network, from when it is attached. */
  privateNet: z.strictObject({ address, prefix: z.number().int().min(8).max(32), mac: z.string() }).optional(),
});
export type LabHost = z.infer<typeof labHostSchema>;

/** What the chain wrote at its first start (lab/chain/). */
export const labChainSchema = z.strictObject({
  chainId: z.string(),
  /** The validator's account. */
  account: z.string(),
  /** `ed25519:<base58>@<address>:<port>`; of a network of real neards several, apart by commas. */
  bootNode: z.string(),
  /** HTTP on a Unix socket: the witness's report, and control. */
  controlSocket: z.string(),
  genesisFile: z.string(),
  validatorKeyFile: z.string(),
});
export type LabChain = z.infer<typeof labChainSchema>;

/** A real neard that the lab runs instead of its stand-in: on the hosts, and as the network around them (lab/real/). */
export const labNeardSchema = z.strictObject({
  /** Absolute path on this machine. */
  file: z.string(),
  /** As its `--version` says. */
  release: z.string(),
  sha256: z.string(),
});
export type LabNeard = z.infer<typeof labNeardSchema>;

/** The lab's stand-in of Hetzner Cloud's API (lab/cloud/). */
export const labCloudSchema = z.strictObject({
  /** On loopback and on the bridge. */
  port: z.number().int().positive(),
  /** Of the first project, of the second, and one of the first that may only read. */
  token: z.string().length(64),
  otherProjectsToken: z.string().length(64),
  readOnlyToken: z.string().length(64),
  /** HTTP on a Unix socket: faults, counts. */
  controlSocket: z.string(),
});
export type LabCloud = z.infer<typeof labCloudSchema>;

export const labSchema = z.strictObject({
  name: labNameSchema,
  /** 1 to 254: third byte of the lab's addresses; unique on this machine. */
  index: z.number().int().min(1).max(254),
  /** Name of the Pulumi stack that is deployed to this lab. */
  stack: z.string(),
  /** Release of Debian or Ubuntu that its hosts run, as debootstrap names it. */
  suite: z
    .string()
    .regex(/^[a-z]+$/)
    .default("bookworm"),
  /** How the hosts reach each other. This machine comes to them by IPv4 in either, and the chain is there. */
  family: z.enum(["ipv4", "ipv6"]).default("ipv4"),
  bridge: z.string(),
  subnet: z.cidrv4(),
  /** This machine's address on the bridge; the chain listens here. */
  gateway: address,
  hosts: z.array(labHostSchema),
  /** root's SSH login key on every host of the lab. */
  sshKeyFile: z.string(),
  /** null until the chain was started for the first time. */
  chain: labChainSchema.nullable(),
  /** null: the lab's stand-in and the simulated chain, as every lab before there was a choice. */
  neard: labNeardSchema.nullable().default(null),
  /** Absent until the cloud was started for the first time. */
  cloud: labCloudSchema.optional(),
});
export type Lab = z.infer<typeof labSchema>;

/** Where all labs keep their state; HOLDFAST_LAB_ROOT moves it (unit tests do). */
export function labRoot(): string {
  return process.env.HOLDFAST_LAB_ROOT ?? "/var/lib/holdfast-lab";
}

/** Every path of one lab. */
export function labPaths(name: string) {
  const dir = `${labRoot()}/${name}`;
  return {
    dir,
    description: `${dir}/lab.json`,
    faults: `${dir}/faults.json`,
    sshKey: `${dir}/ssh/id_ed25519`,
    knownHosts: `${dir}/ssh/known_hosts`,
    chain: `${dir}/chain`,
    chainLog: `${dir}/chain.log`,
    chainProcess: `${dir}/chain.process.json`,
    /** host name -> address, for the witness. */
    chainHosts: `${dir}/chain-hosts.json`,
    cloud: `${dir}/cloud`,
    cloudLog: `${dir}/cloud.log`,
    cloudProcess: `${dir}/cloud.process.json`,
    /** Network namespaces that were made for the network of real neards, and are to be removed. */
    namespaces: `${dir}/namespaces.json`,
    hosts: `${dir}/hosts`,
    host: (host: string) => {
      const hostDir = `${dir}/hosts/${host}`;
      return {
        dir: hostDir,
        /** Identity, as a read-only layer above the image. */
        seed: `${hostDir}/seed`,
        /** The host's disk: everything that it ever wrote. Survives power loss. */
        disk: `${hostDir}/disk.ext4`,
        console: `${hostDir}/console.log`,
      };
    },
  };
}

/** What the hosts of a new lab run. An old lab keeps what it has. */
export function newLabSuite(): string {
  return process.env.HOLDFAST_LAB_SUITE ?? "bookworm";
}

/** The same of how they reach each other. @throws HoldfastError HF_USAGE */
export function newLabFamily(): Lab["family"] {
  const family = labSchema.shape.family.safeParse(process.env.HOLDFAST_LAB_FAMILY || undefined);
  if (family.success) return family.data;
  throw new HoldfastError("HF_USAGE", `HOLDFAST_LAB_FAMILY is "${process.env.HOLDFAST_LAB_FAMILY}".`, {
    next: "Set it to ipv4 or ipv6, or leave it out.",
  });
}

/** What follows from a lab's name and index alone, and from what new labs are to be. */
export function newLab(name: string, index: number): Lab {
  return {
    name,
    index,
    stack: name === defaultLabName ? "localnet" : `localnet-${name}`,
    suite: newLabSuite(),
    family: newLabFamily(),
    bridge: `hf-${name}`,
    subnet: `10.77.${index}.0/24`,
    gateway: `10.77.${index}.1`,
    hosts: [],
    sshKeyFile: labPaths(name).sshKey,
    chain: null,
    neard: null,
  };
}

/** The IPv6 address that goes with one of the lab's IPv4 addresses, the gateway's too: unique local, of one /64 for each lab. */
export function ipv6Of(lab: Pick<Lab, "index">, address: string): string {
  // The last byte's decimal digits stand for themselves.
  return `fd77:0:0:${lab.index}::${address.split(".")[3]}`;
}

/** By which the other hosts reach one: its `address` in the stack's settings. */
export function clusterAddress(lab: Pick<Lab, "index" | "family">, host: Pick<LabHost, "address">): string {
  return lab.family === "ipv6" ? ipv6Of(lab, host.address) : host.address;
}

/** Validators of a network of real neards besides ours, and its observer, which comes last. */
const networkLast = [251, 252, 253, 254] as const;

/** Addresses of the network's neards on the lab's bridge: three validators and the observer; none where the chain is simulated. */
export function networkAddresses(lab: Pick<Lab, "index" | "neard">): string[] {
  return lab.neard === null ? [] : networkLast.map((last) => `10.77.${lab.index}.${last}`);
}

/** The `count` lowest free addresses from .11 on. */
export function freeAddresses(lab: Lab, count: number): string[] {
  const taken = new Set(lab.hosts.map((host) => host.address));
  const free: string[] = [];
  for (let last = 11; last <= 250 && free.length < count; last++) {
    const candidate = `10.77.${lab.index}.${last}`;
    if (!taken.has(candidate)) free.push(candidate);
  }
  if (free.length === count) return free;
  throw new HoldfastError("HF_LAB", `The lab ${lab.name} has no free address left in ${lab.subnet}.`, {
    next: `Remove a host: npm run -s lab -- remove <host> --lab ${lab.name}`,
  });
}

/** @throws HoldfastError HF_USAGE */
export function checkHostName(name: string): string {
  const parsed = hostNameSchema.safeParse(name);
  if (parsed.success) return parsed.data;
  throw new HoldfastError("HF_USAGE", `"${name}" cannot name a host: ${parsed.error.issues[0]?.message}.`);
}

/** @throws HoldfastError HF_USAGE */
export function checkLabName(name: string): string {
  const parsed = labNameSchema.safeParse(name);
  if (parsed.success) return parsed.data;
  throw new HoldfastError("HF_USAGE", `"${name}" cannot name a lab: ${parsed.error.issues[0]?.message}.`);
}

/** The lab's description, or null if there is no such lab. */
export function findLab(name: string): Lab | null {
  let text: string;
  try {
    text = readFileSync(labPaths(checkLabName(name)).description, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    if (code === "EACCES")
      throw new HoldfastError("HF_LAB", `The lab ${name} belongs to root.`, { next: "Run it as root." });
    throw error;
  }
  return labSchema.parse(JSON.parse(text));
}

/**
 * The lab's description.
 * @throws HoldfastError HF_LAB if there is no such lab
 */
export function loadLab(name: string): Lab {
  const lab = findLab(name);
  if (lab !== null) return lab;
  throw new HoldfastError("HF_LAB", `There is no lab ${name} on this machine.`, {
    next: `Bring it up: npm run -s lab -- up --lab ${name}`,
  });
}

export function saveLab(lab: Lab): void {
  writeAtomic(labPaths(lab.name).description, `${JSON.stringify(lab, null, 2)}\n`);
}

/** Every address of a host: what it is reached at, and its private one. */
export function addressesOf({ address, privateNet }: LabHost): string[] {
  return privateNet === undefined ? [address] : [address, privateNet.address];
}

/** @throws HoldfastError HF_USAGE if the lab has no such host */
export function hostOf(lab: Lab, name: string): LabHost {
  const host = lab.hosts.find((candidate) => candidate.name === name);
  if (host !== undefined) return host;
  throw new HoldfastError("HF_USAGE", `The lab ${lab.name} has no host ${name}.`, {
    next: `Its hosts: ${lab.hosts.map((candidate) => candidate.name).join(", ") || "none"}.`,
  });
}
