/** Work that is done again and again beside the decision core. */
import type { Clock } from "../../host/system/clock.ts";

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
  while (!signal.aborted) {
    await untilDoneOr(signal, work());
    await clock.sleep(everyMs, signal);
  }
}

/**
 * Awkward case: a race against one promise that stays open for as long as the agent runs. That promise keeps something of
 * every race that it did not win, 300 bytes each, and an agent has 32 MB. So each round listens for itself, and stops.
 */
async function untilDoneOr(signal: AbortSignal, work: Promise<void>): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  const stop = () => stopped.resolve();
  signal.addEventListener("abort", stop);
  // The work itself may have ended all.
  if (signal.aborted) stop();
  try {
    await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
