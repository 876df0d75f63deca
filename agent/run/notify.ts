/**
 * systemd's notifications. Node has no call that makes a datagram socket on a Unix path, so the unit starts
 * the agent with such a socket open already (infra/plan/notify-socket.ts). It does not block: a systemd that does not
 * read must cost the agent nothing but its watchdog.
 */
import { writeSync } from "node:fs";
import { notifySocketVariable } from "../../contract/paths.ts";

/** Sends e.g. `READY=1`; nothing when not started by the unit. A failure shows as the watchdog's bite. */
export function notify(...assignments: string[]): void {
  const socket = process.env[notifySocketVariable];
  if (socket === undefined) return;
  try {
    writeSync(Number(socket), assignments.join("\n"));
  } catch {
    // Its queue is full: systemd has enough to read.
  }
}

/** How often to feed the watchdog: somewhat more than twice in what systemd allows; null when there is none. */
export function watchdogEveryMs(): number | null {
  const usec = Number(process.env.WATCHDOG_USEC ?? "0");
  return usec > 0 ? usec / 1000 / 2.5 : null;
}
