/**
 * The host's boot-time clock: it goes on while the machine is suspended and is never stepped, unlike
 * the wall clock; every deadline is on it.
 *
 * Node has no call for CLOCK_BOOTTIME; /proc/uptime shows it with 10 ms resolution (Linux
 * fs/proc/uptime.c), rounded down. Rounding down is safe for the holder, who counts from the sending; that a
 * feed of the fence may be 10 ms long by it, and a standby's wait as much too short, is part of `skewMs`.
 *
 * It is read some thirty times a second, so the file stays open: the kernel makes the text anew for every read
 * at its beginning, and a clock that is open cannot fail for want of file descriptors.
 */
import { openSync, readFileSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface Clock {
  /** Milliseconds since the machine booted; never goes backwards. */
  bootMs(): number;
  /** Milliseconds since 1970, for people and for the fence's second condition only. */
  wallMs(): number;
  /** Resolves after `ms`, or as soon as `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Room for two numbers and the line's end. */
const uptime = Buffer.alloc(64);
let uptimeFile: number | null = null;

function bootMs(): number {
  uptimeFile ??= openSync("/proc/uptime", "r");
  const length = readSync(uptimeFile, uptime, 0, uptime.length, 0);
  return Math.round(Number.parseFloat(uptime.toString("latin1", 0, length)) * 1000);
}

export const systemClock: Clock = {
  bootMs,
  wallMs: () => Date.now(),
  sleep: async (ms, signal) => await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {}),
};

/** Changes with every boot, so that nothing saved before it can be mistaken for the present. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}
