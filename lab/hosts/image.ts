/**
 * The root file system that the hosts of labs share, read-only: a minimal Debian (or Ubuntu, by
 * HOLDFAST_LAB_SUITE) with systemd and sshd. Made once by debootstrap, under a name that holds the hash of
 * its recipe; a changed recipe is another image. Hosts that the lab's cloud makes have one of their own, with cloud-init.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { labRoot, newLabSuite } from "./description.ts";
import { withLock } from "./lock.ts";
import { ensurePackages, logged } from "./machine.ts";
import { type Say, saying } from "./progress.ts";

/** What a provider's image has beyond a plain one. */
const cloudRecipe = {
  // The second is what the first needs under another name; debootstrap does not follow names that packages provide.
  packages: ["cloud-init", "python3-cffi-backend"],
  files: {
    // As in Hetzner's images root is the one who logs in. The machine's address is the seed's, not cloud-init's.
    "etc/cloud/cloud.cfg.d/90-lab.cfg": `${[
      "datasource_list: [NoCloud]",
      "disable_root: false",
      "users: []",
      "network: { config: disabled }",
      "apt: { preserve_sources_list: true }",
      "growpart: { mode: off }",
      "resize_rootfs: false",
      "locale: false",
    ].join("\n")}\n`,
    // The private interface, which comes when the cloud plugs it in; its address comes by DHCP.
    "etc/systemd/network/20-private.network": `${[
      "[Match]",
      "Name=enp7s0",
      "",
      "[Link]",
      "RequiredForOnline=no",
      "",
      "[Network]",
      "DHCP=ipv4",
      "LinkLocalAddressing=no",
      "IPv6AcceptRA=no",
      "",
      "[DHCPv4]",
      "UseDNS=no",
      "UseNTP=no",
      "UseHostname=no",
      "UseGateway=no",
    ].join("\n")}\n`,
  },
};

/** What is made: hosts that exist already, or such as a cloud makes. */
export type ImageKind = "plain" | "cloud";

function recipe(suite: string, kind: ImageKind) {
  const plain = plainRecipe(suite);
  if (kind === "plain") return plain;
  return {
    ...plain,
    packages: [...plain.packages, ...cloudRecipe.packages],
    files: { ...plain.files, ...cloudRecipe.files },
  };
}

const plainRecipe = (suite: string) => ({
  revision: 1,
  suite,
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
});

/** The image's directory; it exists only when the image is complete. */
export function imageDirectory(suite: string, kind: ImageKind): string {
  const hash = createHash("sha256")
    .update(JSON.stringify(recipe(suite, kind)))
    .digest("hex")
    .slice(0, 12);
  return `${labRoot()}/image-${hash}`;
}

/** Makes the image if it is not there, with the packages that this takes. About 50 s on two cores, once for each suite. */
export async function ensureImage(say: Say, suite: string = newLabSuite(), kind: ImageKind = "plain"): Promise<void> {
  const directory = imageDirectory(suite, kind);
  if (existsSync(directory)) return;
  const log = `${directory}.log`;
  mkdirSync(labRoot(), { recursive: true });
  await withLock("image", 600_000, async () => {
    if (existsSync(directory)) return;
    await ensurePackages(say, `${labRoot()}/packages.log`);
    const what = `making the hosts' image (${suite}${kind === "cloud" ? " with cloud-init" : ""}) with debootstrap, about a minute, once (log: ${log})`;
    await saying(say, what, () => make(recipe(suite, kind), directory, log));
  });
}

/** Removes every image of every recipe. No host may be running. */
export function removeImages(): void {
  for (const entry of existsSync(labRoot()) ? readdirSync(labRoot()) : [])
    if (entry.startsWith("image-")) rmSync(`${labRoot()}/${entry}`, { recursive: true, force: true });
}

async function make(
  { suite, packages, mirror, files, enable, mask }: ReturnType<typeof recipe>,
  directory: string,
  log: string,
): Promise<void> {
  const work = `${directory}.part`;
  rmSync(work, { recursive: true, force: true });
  rmSync(log, { force: true });
  // In a mount namespace of its own: what debootstrap mounts goes away with it, also when it is killed.
  await logged(log, "unshare", [
    "--mount",
    "debootstrap",
    "--variant=minbase",
    `--include=${packages.join(",")}`,
    suite,
    work,
    ...(mirror === null ? [] : [mirror]),
  ]);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(`${work}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    rmSync(`${work}/${path}`, { force: true });
    writeFileSync(`${work}/${path}`, content);
  }
  await logged(log, "chroot", [work, "systemctl", "enable", ...enable]);
  await logged(log, "chroot", [work, "systemctl", "mask", ...mask]);
  // What must differ from host to host, and what only costs space.
  for (const entry of readdirSync(`${work}/etc/ssh`))
    if (entry.startsWith("ssh_host_")) rmSync(`${work}/etc/ssh/${entry}`);
  for (const path of ["etc/machine-id", "etc/hostname", "var/lib/apt/lists", "var/cache/apt/archives", "var/log"])
    rmSync(`${work}/${path}`, { recursive: true, force: true });
  for (const path of ["var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log/journal"])
    mkdirSync(`${work}/${path}`, { recursive: true });
  renameSync(work, directory);
}
