/**
 * Places of ours that are file systems of their own, as `/var/lib/neard` usually is: they are emptied and stay mounted.
 * What was mounted there is the operator's, and an rmdir would end in EBUSY after everything else is gone.
 */
import { chmod, chown, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

/** Absolute paths on which something is mounted now, out of proc_pid_mountinfo(5). Pure. */
export function mountPointsIn(mountinfo: string): string[] {
  return mountinfo
    .split("\n")
    .flatMap((line) => line.split(" ")[4] ?? [])
    .map((path) => path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8))));
}

export async function readMountPoints(): Promise<string[]> {
  return mountPointsIn(await readFile("/proc/self/mountinfo", "utf8"));
}

/**
 * Deletes `path` with all that it holds, but for mount points and the way to them. Fine if it is not there.
 * @returns whether it is gone.
 */
export async function removeTree(path: string, mounts?: readonly string[]): Promise<boolean> {
  const all = mounts ?? (await readMountPoints());
  if (!all.some((mount) => `${mount}/`.startsWith(`${path}/`))) {
    await rm(path, { recursive: true, force: true });
    return true;
  }
  await emptyTree(path, all);
  if (!all.includes(path)) return false;
  await chown(path, 0, 0);
  await chmod(path, 0o755);
  return false;
}

/** Deletes what is in the directory `path`; a file system's own lost+found stays. */
export async function emptyTree(path: string, mounts?: readonly string[]): Promise<void> {
  const all = mounts ?? (await readMountPoints());
  for (const name of await readdir(path))
    if (name !== "lost+found" || !all.includes(path)) await removeTree(join(path, name), all);
}
