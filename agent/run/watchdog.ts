/**
 * systemd's watchdog, fed for the decision core and not by a bare timer: an agent whose core no longer looks at
 * its deadlines is killed although its event loop still turns.
 */
import type { Clock } from "../../host/system/clock.ts";
import { repeat } from "./repeat.ts";

/** The core must have looked at its deadlines within this, or the watchdog is not fed. */
const stuckMs = 1500;

/** Feeds every `everyMs` (null: systemd has no watchdog for us) until `signal` aborts. */
export async function feedWatchdog(options: {
  signal: AbortSignal;
  clock: Clock;
  everyMs: number | null;
  /** When the core last looked at the clock; null: this host has no core. */
  tickedMs: () => number | null;
  feed: () => void;
}): Promise<void> {
  const { signal, clock, everyMs, tickedMs, feed } = options;
  if (everyMs === null) return;
  const work = async (): Promise<void> => {
    const lastMs = tickedMs();
    if (lastMs === null || clock.bootMs() - lastMs < stuckMs) feed();
  };
  await repeat({ everyMs, clock, signal, work });
}
