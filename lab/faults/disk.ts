/** The host's disk without a free byte, or without leave to write. Each host has a file system of its own, so only it suffers. */
import { closeSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { labPaths } from "../hosts/description.ts";
import { run } from "../hosts/machine.ts";
import { hostIsOff, initPid, powerOff, powerOn, supervisorPid, waitForSsh } from "../hosts/power.ts";
import type { FaultKind, Target } from "./fault.ts";

/** Where the room goes, as seen from this machine through the host's root. */
function placeOn({ lab, host }: Target): { directory: string; file: string } {
  const init = initPid(lab, host.name);
  if (init === null) throw hostIsOff(lab, host.name);
  const directory = `/proc/${init}/root/var/lib`;
  return { directory, file: `${directory}/lab-disk-full` };
}

/** Left to be written after the reservation, which would fail if it asked for every last block. */
const remainderBytes = 1024 * 1024;

/** Writes pieces of `bytes` until there is no room for one more. */
function writeUntilFull(file: string, bytes: number): void {
  const piece = Buffer.alloc(bytes);
  const descriptor = openSync(file, "a");
  try {
    for (;;) writeSync(descriptor, piece);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(descriptor);
  }
}

export const diskKinds: readonly FaultKind[] = [
  {
    name: "disk-full",
    sentence: "The host's disk has no free byte left.",
    needs: null,
    lasting: true,
    async inject(target) {
      const { directory, file } = placeOn(target);
      const { bavail, bsize } = statfsSync(directory);
      const reserved = bavail * bsize - remainderBytes;
      // Reserving only makes a note of the extent: instant, whatever its size.
      if (reserved > 0) await run("fallocate", ["--length", String(reserved), file]);
      writeUntilFull(file, 64 * 1024);
      writeUntilFull(file, bsize);
    },
    async heal(target) {
      rmSync(placeOn(target).file, { force: true });
    },
  },
  {
    name: "disk-read-only",
    sentence: "The host's file system has failed and is read-only; healing checks it and boots the host again.",
    needs: null,
    lasting: true,
    async inject({ lab, host }) {
      const supervisor = supervisorPid(lab, host.name);
      if (supervisor === null) throw hostIsOff(lab, host.name);
      const { dir } = labPaths(lab.name).host(host.name);
      // As ext4 does by itself when its journal cannot be written; a plain remount is refused while files are open.
      await run("nsenter", [`--mount=/proc/${supervisor}/ns/mnt`, "mount", "-o", "remount,abort", `${dir}/disk`]);
    },
    async heal({ lab, host }) {
      const { disk } = labPaths(lab.name).host(host.name);
      await powerOff(lab, host.name);
      // It ends with 1 when there was something to repair.
      await run("e2fsck", ["-p", disk]).catch(() => run("e2fsck", ["-fy", disk]).catch(() => "repaired"));
      await powerOn(lab, host.name);
      await waitForSsh(lab, host);
    },
  },
];
