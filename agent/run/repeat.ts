/** Work that is done again and again beside the decision core. */
import type { Clock } from "../system/clock.ts";

/**
 * Until `signal` aborts. Work that is under way then is not waited for: the core has stopped ticking, and each second
 * until the next agent runs is one of the lease.
 */
export async function repeat(options: {
  everyMs: number;
  clock: Clock;
  signal: AbortSignal;
  work: () => Promise<void>;
}): Promise<void> {
  const { everyMs, clock, signal, work } = options;
  const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  while (!signal.aborted) {
    await Promise.race([work(), stopped]);
    await clock.sleep(everyMs, signal);
  }
}
