/**
 * One converge at a time on this host, by flock(1): a child holds the lock as long as our pipe to it is
 * open, so however we end, the kernel ends the lock.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { HoldfastError } from "../../contract/errors.ts";
import { paths } from "../../contract/paths.ts";
import { type Progress, whileWaiting } from "./progress.ts";

/** Longer than an apply waits for other hosts and for health together would help nobody. */
const waitSeconds = 1500;

/** @throws HoldfastError HF_TIMEOUT when another converge of this host does not end. */
export async function withHostLock<T>(progress: Progress, work: () => Promise<T>): Promise<T> {
  const holder = spawn(
    "flock",
    ["--exclusive", "--timeout", String(waitSeconds), paths.convergeLock, "sh", "-c", "echo held; exec cat"],
    { stdio: ["pipe", "pipe", "ignore"] },
  );
  const held = Promise.race([once(holder.stdout, "data").then(() => true), once(holder, "exit").then(() => false)]);
  if (!(await whileWaiting(progress, "waiting for another apply on this host", held)))
    throw new HoldfastError("HF_TIMEOUT", `Another holdfastd apply on this host did not end within ${waitSeconds} s.`, {
      next: "Look for it with ps, then run pulumi up again.",
    });
  try {
    return await work();
  } finally {
    const gone = once(holder, "exit");
    holder.stdin.end();
    await gone;
  }
}
