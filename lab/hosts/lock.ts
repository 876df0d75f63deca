/**
 * One at a time, across processes. The lock is a listening Unix socket in the abstract namespace:
 * the kernel allows one listener per name and lets it go when its process dies, so there is no stale
 * lock to clean up.
 */
import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError } from "../../contract/errors.ts";

const retryMs = 20;

/**
 * Runs `work` while holding the lock `name`.
 * @param waitMs how long to wait for whoever holds it
 * @throws HoldfastError HF_LAB when that was not enough
 */
export async function withLock<T>(name: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + waitMs;
  let server = await listen(name);
  while (server === null) {
    if (performance.now() > giveUpAt)
      throw new HoldfastError("HF_LAB", `Another command has been working on ${name} for ${waitMs / 1000} s.`, {
        next: "Wait until it has finished, then try again.",
      });
    await sleep(retryMs);
    server = await listen(name);
  }
  try {
    return await work();
  } finally {
    server.close();
  }
}

function listen(name: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(null);
      else reject(error);
    });
    server.listen(`\0holdfast-lab/${name}`, () => resolve(server));
  });
}
