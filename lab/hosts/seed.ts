/**
 * What makes a host itself: name, address, machine id, SSH host key, who may log in. Written once, as
 * a layer of the host's root, before its first boot; so its SSH host key is known from the start.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { ipv6Of, type Lab, type LabHost, labPaths } from "./description.ts";
import { writeAtomic } from "./files.ts";
import { run } from "./machine.ts";

/** Room on a host's disk. Sparse: it takes from this machine only what the host wrote. */
const diskBytes = 6 * 1024 ** 3;

/**
 * A host's own files, path to content and mode. Pure.
 * @param host `addresses`: each with the length of its prefix
 */
export function seedFiles(
  host: { name: string; addresses: readonly string[] },
  identity: { machineId: string; loginKey: string },
): SeedFiles {
  return {
    "etc/hostname": { content: `${host.name}\n`, mode: 0o644 },
    "etc/hosts": { content: `127.0.0.1 localhost\n127.0.1.1 ${host.name}\n`, mode: 0o644 },
    "etc/machine-id": { content: `${identity.machineId}\n`, mode: 0o444 },
    // No gateway: hosts reach each other and this machine's address on the bridge, nothing else.
    "etc/systemd/network/10-host0.network": {
      content: [
        ...["[Match]", "Name=host0", "", "[Network]"],
        ...host.addresses.map((address) => `Address=${address}`),
        ...["LinkLocalAddressing=no", "IPv6AcceptRA=no", ""],
      ].join("\n"),
      mode: 0o644,
    },
    "root/.ssh/authorized_keys": { content: identity.loginKey, mode: 0o600 },
  };
}

/** With the lengths of their prefixes. */
const addressesIn = (lab: Lab, address: string): string[] => [
  `${address}/24`,
  ...(lab.family === "ipv6" ? [`${ipv6Of(lab, address)}/64`] : []),
];

/** Makes the key by which root logs in on every host of the lab, if there is none. */
export async function ensureLoginKey(lab: Lab): Promise<void> {
  await ensureKey(lab.sshKeyFile, `root@${lab.stack}`);
}

/** A host's SSH host key: the texts of its two files. */
export interface HostKeyFiles {
  readonly secret: string;
  readonly public: string;
}

const hostKeyFileOf = (seed: string) => `${seed}/etc/ssh/ssh_host_ed25519_key`;

/** As it was made, for a machine that is set up anew and gets its old key back. */
export function readHostKey(lab: Lab, name: string): HostKeyFiles {
  const file = hostKeyFileOf(labPaths(lab.name).host(name).seed);
  return { secret: readFileSync(file, "utf8"), public: readFileSync(`${file}.pub`, "utf8") };
}

/**
 * Makes a new host's directory: its identity and its empty disk. Complete or absent.
 * @param hostKey without it, it gets a new one
 */
export async function makeHost(lab: Lab, name: string, address: string, hostKey?: HostKeyFiles): Promise<LabHost> {
  const at = emptyHost(lab, name);
  const hostKeyFile = hostKeyFileOf(at.seed);
  if (hostKey !== undefined) {
    mkdirSync(dirname(hostKeyFile), { recursive: true });
    writeFileSync(hostKeyFile, hostKey.secret, { mode: 0o600 });
    writeFileSync(`${hostKeyFile}.pub`, hostKey.public, { mode: 0o644 });
  }
  await ensureKey(hostKeyFile, name);
  writeSeed(
    at.seed,
    seedFiles({ name, addresses: addressesIn(lab, address) }, { machineId: newMachineId(), loginKey: loginKeyOf(lab) }),
  );
  await makeDisk(at.disk);
  const [type, base64] = readFileSync(`${hostKeyFile}.pub`, "utf8").split(" ");
  return { name, address, user: "root", port: 22, hostKey: `${type} ${base64}`, arch: ownArch };
}

/** What a server of the cloud's is made of. */
export interface CloudHostSpec {
  readonly name: string;
  readonly address: string;
  readonly server: { readonly id: number; readonly name: string };
  readonly userData: string;
  /** Lines for root's authorized_keys, by which the server's maker logs in. */
  readonly publicKeys: readonly string[];
}

/** What stands for a host key that nobody knows yet: cloud-init makes it, or puts the one that its user data has. */
export const unknownHostKey = "ssh-ed25519 unknown";

/** The same for a server of the cloud's: what it is beyond its address, cloud-init makes of its user data when it boots. */
export async function makeCloudHost(lab: Lab, spec: CloudHostSpec): Promise<LabHost> {
  const { name, address, server } = spec;
  const at = emptyHost(lab, name);
  // The lab's own key lets in who breaks things; the keys of the server's maker come by cloud-init.
  const files = seedFiles(
    { name: server.name, addresses: [`${address}/24`] },
    { machineId: newMachineId(), loginKey: loginKeyOf(lab) },
  );
  writeSeed(at.seed, { ...files, ...cloudInitFiles(spec) });
  await makeDisk(at.disk);
  return { name, address, user: "root", port: 22, hostKey: unknownHostKey, arch: ownArch, server };
}

/** As the data source NoCloud of cloud-init reads them. Pure. */
export function cloudInitFiles({ server, userData, publicKeys }: CloudHostSpec): SeedFiles {
  const metadata = { "instance-id": String(server.id), "local-hostname": server.name, "public-keys": publicKeys };
  const seed = "var/lib/cloud/seed/nocloud";
  return {
    // YAML takes JSON as it is.
    [`${seed}/meta-data`]: { content: `${JSON.stringify(metadata)}\n`, mode: 0o600 },
    // Without any there would be no instance for cloud-init.
    [`${seed}/user-data`]: { content: userData === "" ? "#cloud-config\n{}\n" : userData, mode: 0o600 },
  };
}

/** A server's public address changed while it was off. */
export function moveHost(lab: Lab, { name, server }: LabHost, address: string): void {
  const files = seedFiles(
    { name: server?.name ?? name, addresses: [`${address}/24`] },
    { machineId: "", loginKey: "" },
  );
  const network = "etc/systemd/network/10-host0.network";
  writeSeed(labPaths(lab.name).host(name).seed, { [network]: files[network] as SeedFiles[string] });
}

type SeedFiles = Record<string, { content: string; mode: number }>;

const ownArch = process.arch === "arm64" ? "arm64" : "x64";
const newMachineId = () => randomBytes(16).toString("hex");
const loginKeyOf = (lab: Lab) => readFileSync(`${lab.sshKeyFile}.pub`, "utf8");

function emptyHost(lab: Lab, name: string): ReturnType<ReturnType<typeof labPaths>["host"]> {
  const at = labPaths(lab.name).host(name);
  rmSync(at.dir, { recursive: true, force: true });
  for (const part of ["root", "disk"]) mkdirSync(`${at.dir}/${part}`, { recursive: true });
  return at;
}

function writeSeed(seed: string, files: SeedFiles): void {
  for (const [path, { content, mode }] of Object.entries(files)) {
    mkdirSync(dirname(`${seed}/${path}`), { recursive: true });
    writeFileSync(`${seed}/${path}`, content, { mode });
    chmodSync(`${seed}/${path}`, mode);
  }
  // A layer's directories hide those below it, modes included.
  for (const directory of ["root", "root/.ssh"])
    if (existsSync(`${seed}/${directory}`)) chmodSync(`${seed}/${directory}`, 0o700);
}

async function makeDisk(disk: string): Promise<void> {
  await run("truncate", ["--size", String(diskBytes), disk]);
  await run("mkfs.ext4", ["-q", "-m", "0", "-L", "host", disk]);
}

/** Writes the file by which `ssh` knows the lab's hosts. */
export function writeKnownHosts(lab: Lab): void {
  const lines = lab.hosts.map((host) => `${host.address} ${host.hostKey}\n`);
  writeAtomic(labPaths(lab.name).knownHosts, lines.join(""));
}

async function ensureKey(file: string, comment: string): Promise<void> {
  if (existsSync(`${file}.pub`)) return;
  mkdirSync(dirname(file), { recursive: true });
  rmSync(file, { force: true });
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file]);
}
