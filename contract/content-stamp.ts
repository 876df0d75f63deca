/**
 * What stands for a file's content while nobody has written to the file: the same stamp, the same content. As git's index
 * takes it: who writes to a file cannot set its change time.
 */
import type { BigIntStats } from "node:fs";

/** Inode, size and times: of the file that is there now, and of no other. */
export function contentStamp({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [ino, size, mtimeNs, ctimeNs].join(" ");
}

/** A file system's clock is coarse, and coarser than ours. */
const grainMs = 2000;

/**
 * Whether the stamp may be kept for what is read from now on. A file that was written to just now may be written to again
 * within the clock's grain, and would look the same.
 * @param nowMs in milliseconds since 1970, by this machine's clock
 */
export function isSettled({ ctimeNs }: BigIntStats, nowMs: number): boolean {
  return nowMs - Number(ctimeNs / 1_000_000n) > grainMs;
}
