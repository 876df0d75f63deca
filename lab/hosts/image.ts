/**
 * The root file system that all hosts of all labs share, read-only: a minimal Debian with systemd and
 * sshd. Made once by debootstrap, under a name that holds the hash of its recipe; a changed recipe is
 * another image.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { labRoot } from "./description.ts";
import { withLock } from "./lock.ts";
import { logged } from "./machine.ts";
import { type Say, saying } from "./progress.ts";

const recipe = {
  revision: 1,
  suite: "bookworm",
  /** Null: debootstrap's own default for the suite. */
  mirror: process.env.HOLDFAST_LAB_MIRROR ?? null,
  arch: process.arch,
  packages: [
    "ca-certificates",
    "dbus",
    "iproute2",
    "nftables",
    "openssh-server",
    "procps",
    "sudo",
    "systemd",
    "systemd-sysv",
  ],
  enable: ["ssh.service", "systemd-networkd.service"],
  /** Consoles that nobody sits at, and timers that would only make measurements noisy. */
  mask: [
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@.service",
  ],
  files: {
    "etc/ssh/sshd_config.d/lab.conf":
      "HostKey /etc/ssh/ssh_host_ed25519_key\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nUseDNS no\n",
    "etc/systemd/journald.conf.d/lab.conf": "[Journal]\nStorage=persistent\nSystemMaxUse=200M\n",
    "etc/resolv.conf": "",
  },
} as const;

const hash = createHash("sha256").update(JSON.stringify(recipe)).digest("hex").slice(0, 12);

/** The image's directory; it exists only when the image is complete. */
export function imageDirectory(): string {
  return `${labRoot()}/image-${hash}`;
}

/** Makes the image if it is not there. About 50 s on two cores, once. */
export async function ensureImage(say: Say): Promise<void> {
  if (existsSync(imageDirectory())) return;
  const log = `${imageDirectory()}.log`;
  mkdirSync(labRoot(), { recursive: true });
  await withLock("image", 600_000, async () => {
    if (existsSync(imageDirectory())) return;
    await saying(say, `making the hosts' image with debootstrap, about a minute, once (log: ${log})`, () => make(log));
  });
}

/** Removes every image of every recipe. No host may be running. */
export function removeImages(): void {
  for (const entry of existsSync(labRoot()) ? readdirSync(labRoot()) : [])
    if (entry.startsWith("image-")) rmSync(`${labRoot()}/${entry}`, { recursive: true, force: true });
}

async function make(log: string): Promise<void> {
  const work = `${imageDirectory()}.part`;
  rmSync(work, { recursive: true, force: true });
  rmSync(log, { force: true });
  // In a mount namespace of its own: what debootstrap mounts goes away with it, also when it is killed.
  await logged(log, "unshare", [
    "--mount",
    "debootstrap",
    "--variant=minbase",
    `--include=${recipe.packages.join(",")}`,
    recipe.suite,
    work,
    ...(recipe.mirror === null ? [] : [recipe.mirror]),
  ]);
  for (const [path, content] of Object.entries(recipe.files)) {
    mkdirSync(`${work}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    rmSync(`${work}/${path}`, { force: true });
    writeFileSync(`${work}/${path}`, content);
  }
  await logged(log, "chroot", [work, "systemctl", "enable", ...recipe.enable]);
  await logged(log, "chroot", [work, "systemctl", "mask", ...recipe.mask]);
  // What must differ from host to host, and what only costs space.
  for (const entry of readdirSync(`${work}/etc/ssh`))
    if (entry.startsWith("ssh_host_")) rmSync(`${work}/etc/ssh/${entry}`);
  for (const path of ["etc/machine-id", "etc/hostname", "var/lib/apt/lists", "var/cache/apt/archives", "var/log"])
    rmSync(`${work}/${path}`, { recursive: true, force: true });
  for (const path of ["var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log/journal"])
    mkdirSync(`${work}/${path}`, { recursive: true });
  renameSync(work, imageDirectory());
}
