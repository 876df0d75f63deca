/**
 * What this machine has to offer: root, the programs that the lab runs, and its cgroup tree.
 */
import { accessSync, appendFileSync, constants, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { execa } from "execa";
import { HoldfastError } from "../../contract/errors.ts";
import { type Say, saying } from "./progress.ts";

/** Programs that the lab runs, each with the Debian package that has it. */
const programs: Readonly<Record<string, string>> = {
  "systemd-nspawn": "systemd-container",
  debootstrap: "debootstrap",
  nft: "nftables",
  ip: "iproute2",
  tc: "iproute2",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
  "mkfs.ext4": "e2fsprogs",
  e2fsck: "e2fsprogs",
  losetup: "mount",
  unshare: "util-linux",
  nsenter: "util-linux",
  prlimit: "util-linux",
  setpriv: "util-linux",
};

/** The signing keys of Debian's archive: debootstrap on Ubuntu does not bring them. */
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

const searchPath = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;

/** The environment for programs in sbin, which a login by `su` may lack. */
export const environment = { ...process.env, PATH: searchPath, LC_ALL: "C.UTF-8" };

/** @throws HoldfastError HF_LAB unless this process is root's on Linux */
export function requireRoot(): void {
  if (process.platform === "linux" && process.getuid?.() === 0) return;
  throw new HoldfastError("HF_LAB", "The lab runs Linux hosts on this machine, which takes root on Linux.", {
    next: "Run the same command as root (for example after: sudo -s).",
  });
}

/** Installs what is missing with apt-get, saying so. */
export async function ensurePackages(say: Say, logFile: string): Promise<void> {
  const missing = new Set(
    Object.entries(programs)
      .filter(([program]) => !onPath(program))
      .map(([, name]) => name),
  );
  if (!existsSync(keyring)) missing.add("debian-archive-keyring");
  if (missing.size === 0) return;
  const names = [...missing].sort();
  if (!onPath("apt-get"))
    throw new HoldfastError("HF_LAB", `The lab needs programs that are not installed: ${names.join(", ")}.`, {
      next: "This machine has no apt-get; install them with its own package manager.",
    });
  await saying(say, `installing Debian packages: ${names.join(" ")} (log: ${logFile})`, async () => {
    await logged(logFile, "apt-get", ["update"]);
    await logged(logFile, "apt-get", ["install", "--yes", "--no-install-recommends", ...names]);
  });
}

/**
 * Runs a program with its output in `logFile`.
 * @throws HoldfastError HF_LAB that names the log
 */
export async function logged(logFile: string, program: string, args: readonly string[]): Promise<void> {
  mkdirSync(dirname(logFile), { recursive: true });
  appendFileSync(logFile, `\n# ${[program, ...args].join(" ")}\n`);
  const result = await execa(program, args, {
    env: { ...environment, DEBIAN_FRONTEND: "noninteractive" },
    stdin: "ignore",
    stdout: { file: logFile, append: true },
    stderr: { file: logFile, append: true },
    reject: false,
  });
  if (!result.failed) return;
  throw new HoldfastError("HF_LAB", `${program} failed (${result.shortMessage}).`, {
    next: `Read the end of ${logFile}, then run the same command again: it goes on from here.`,
  });
}

/** Runs a short program; its output. @throws HoldfastError HF_LAB with what it wrote on stderr */
export async function run(program: string, args: readonly string[], input?: string): Promise<string> {
  const result = await execa(program, args, {
    env: environment,
    reject: false,
    ...(input === undefined ? { stdin: "ignore" as const } : { input }),
  });
  if (!result.failed) return result.stdout;
  throw new HoldfastError("HF_LAB", `${result.command} failed: ${result.stderr.trim() || result.shortMessage}`);
}

export function onPath(program: string): boolean {
  return searchPath.split(":").some((directory) => {
    try {
      accessSync(`${directory}/${program}`, constants.X_OK);
      return directory !== "";
    } catch {
      return false;
    }
  });
}

/** Whether systemd runs this machine (sd_booted(3)); then it also owns the cgroup tree. */
export function systemdIsInit(): boolean {
  return existsSync("/run/systemd/system");
}

/**
 * Where the cgroup hierarchies are mounted: `unified` is version 2 (freezes and kills whole hosts),
 * `named` is version 1's `name=systemd` beside it, and `cpu` its controller of that name, where the machine still has them.
 * @throws HoldfastError HF_LAB if version 2 is not mounted
 */
export function cgroupMounts(mounts = readFileSync("/proc/mounts", "utf8")): {
  readonly unified: string;
  readonly named: string | null;
  readonly cpu: string | null;
} {
  const entries = mounts.split("\n").map((line) => line.split(" "));
  const unified = entries.find(([, , type]) => type === "cgroup2")?.[1];
  const versionOne = (option: string) =>
    entries.find(([, , type, options]) => type === "cgroup" && options?.split(",").includes(option))?.[1] ?? null;
  if (unified === undefined)
    throw new HoldfastError("HF_LAB", "This machine has no cgroup version 2 hierarchy mounted.", {
      next: "Mount it: mount -t cgroup2 none /sys/fs/cgroup",
    });
  return { unified, named: versionOne("name=systemd"), cpu: versionOne("cpu") };
}
