/**
 * How long systemd lets an agent hang before it puts another in its place. That one must find the lease alive: the last
 * renewal may be as old as the pause between two, and a new agent needs a moment to start.
 */
import type { LeaseTiming } from "../../contract/timing.ts";

/** From the kill to the new agent's first renewal. */
const restartMs = 500;
/** With more patience nothing is won. */
const mostMs = 5000;
/** The agent's core may take 1.5 s over a look at its deadlines (agent/run/watchdog.ts); what is less kills sound agents. */
const leastMs = 2000;

export function watchdogMs({ leaseMs, renewMs }: LeaseTiming): number {
  return Math.min(mostMs, leaseMs - renewMs - restartMs);
}

/** A lease too short for any watchdog, as a sentence. */
export function watchdogFaults(lease: LeaseTiming): string[] {
  if (watchdogMs(lease) >= leastMs) return [];
  return [
    `leaseMs ${lease.leaseMs} is below ${lease.renewMs + restartMs + leastMs}: renewMs ${lease.renewMs}, and ${leastMs + restartMs} ms for ` +
      "systemd to notice that the agent hangs (WatchdogSec) and to start another before the lease is over",
  ];
}

/** As a unit has it. */
export function watchdogSec(lease: LeaseTiming): string {
  const ms = watchdogMs(lease);
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
