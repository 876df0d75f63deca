/**
 * One converge at a time on this host, by flock(1): a child holds the lock as long as our pipe to it is
 * open, so however we end, the kernel ends the lock.
 *
 * Awkward case: an earlier apply that waits for hours (until neard is in sync), and whose reader is gone without a
 * word. A newer one takes its place: it asks it to leave, and the earlier one does so at its next wait.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../contract/errors.ts";
import { paths } from "../contract/paths.ts";
import { askToLeave, Left, left } from "./left.ts";
import { type Progress, whileWaiting } from "./progress.ts";

export interface HostLockOptions {
  /** How long another converge of this host is waited for. */
  readonly withinMs: number;
  /** Named in errors. */
  readonly host: string;
  /** We are an apply, which takes the place of an earlier one. */
  readonly takesOver?: boolean;
}

const lookEveryMs = 500;

/** @throws HoldfastError HF_TIMEOUT when another converge of this host does not end. */
export async function withHostLock<T>(
  { withinMs, host, takesOver = false }: HostLockOptions,
  progress: Progress,
  work: () => Promise<T>,
): Promise<T> {
  const seconds = Math.max(1, Math.round(withinMs / 1000));
  const holder = spawn(
    "flock",
    ["--exclusive", "--timeout", String(seconds), paths.convergeLock, "sh", "-c", "echo held; exec cat"],
    { stdio: ["pipe", "pipe", "ignore"] },
  );
  const held = Promise.race([once(holder.stdout, "data").then(() => true), once(holder, "exit").then(() => false)]);
  const isHeld = await whileWaiting(progress, "waiting for another apply on this host", until(held, takesOver));
  if (isHeld === null) {
    holder.kill();
    throw new Left(host, "for another apply on this host; nothing was changed", left() ?? "");
  }
  if (!isHeld)
    throw new HoldfastError("HF_TIMEOUT", `Another holdfastd apply on ${host} did not end within ${seconds} s.`, {
      next: `Look for it: holdfast ssh ${host} -- ps -ef. Then run the command again.`,
    });
  if (takesOver) await writeFile(paths.convergeLock, String(process.pid));
  try {
    return await work();
  } finally {
    if (takesOver) await writeFile(paths.convergeLock, "");
    const gone = once(holder, "exit");
    holder.stdin.end();
    await gone;
  }
}

/** Null: we were left while waiting. */
async function until(held: Promise<boolean>, takesOver: boolean): Promise<boolean | null> {
  for (;;) {
    const look = await Promise.race([held, sleep(lookEveryMs, "look" as const)]);
    if (look !== "look") return look;
    if (left() !== null) return null;
    if (takesOver) await askToLeave(await readPid());
  }
}

/** 0: nobody who can be asked. */
async function readPid(): Promise<number> {
  const text = await readFile(paths.convergeLock, "utf8").catch(() => "");
  return /^\d+$/.test(text) ? Number(text) : 0;
}
