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
): Record<string, { content: string; mode: number }> {
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

/** Makes the key by which root logs in on every host of the lab, if there is none. */
export async function ensureLoginKey(lab: Lab): Promise<void> {
  await ensureKey(lab.sshKeyFile, `root@${lab.stack}`);
}

/** Makes a new host's directory: its identity and its empty disk. Complete or absent. */
export async function makeHost(lab: Lab, name: string, address: string): Promise<LabHost> {
  const at = labPaths(lab.name).host(name);
  rmSync(at.dir, { recursive: true, force: true });
  for (const part of ["root", "disk"]) mkdirSync(`${at.dir}/${part}`, { recursive: true });
  const hostKeyFile = `${at.seed}/etc/ssh/ssh_host_ed25519_key`;
  await ensureKey(hostKeyFile, name);
  const loginKey = readFileSync(`${lab.sshKeyFile}.pub`, "utf8");
  const addresses = [`${address}/24`, ...(lab.family === "ipv6" ? [`${ipv6Of(lab, address)}/64`] : [])];
  const files = seedFiles({ name, addresses }, { machineId: randomBytes(16).toString("hex"), loginKey });
  for (const [path, { content, mode }] of Object.entries(files)) {
    mkdirSync(dirname(`${at.seed}/${path}`), { recursive: true });
    writeFileSync(`${at.seed}/${path}`, content, { mode });
    chmodSync(`${at.seed}/${path}`, mode);
  }
  // A layer's directories hide those below it, modes included.
  for (const directory of ["root", "root/.ssh"]) chmodSync(`${at.seed}/${directory}`, 0o700);
  const disk = `${at.disk}`;
  await run("truncate", ["--size", String(diskBytes), disk]);
  await run("mkfs.ext4", ["-q", "-m", "0", "-L", "host", disk]);
  const [type, base64] = readFileSync(`${hostKeyFile}.pub`, "utf8").split(" ");
  return {
    name,
    address,
    user: "root",
    port: 22,
    hostKey: `${type} ${base64}`,
    arch: process.arch === "arm64" ? "arm64" : "x64",
  };
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
