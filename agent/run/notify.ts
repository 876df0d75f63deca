/**
 * systemd's notifications. Node has no datagram sockets on Unix paths, so systemd's own
 * `systemd-notify` carries them; the unit has NotifyAccess=all.
 */
import { run } from "../system/run.ts";

/**
 * Sends e.g. `READY=1`; nothing when not started by systemd. Failures show as the watchdog's bite.
 * Without --no-block: systemd-notify must live until systemd has read the message, or systemd no longer
 * knows whose it was and drops it (seen under load).
 */
export async function notify(...assignments: string[]): Promise<void> {
  if (process.env.NOTIFY_SOCKET === undefined) return;
  await run("systemd-notify", assignments, { timeoutMs: 2000 });
}

/** How often to feed the watchdog: somewhat more than twice in what systemd allows; null when there is none. */
export function watchdogEveryMs(): number | null {
  const usec = Number(process.env.WATCHDOG_USEC ?? "0");
  return usec > 0 ? usec / 1000 / 2.5 : null;
}
