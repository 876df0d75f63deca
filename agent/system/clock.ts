/**
 * The host's boot-time clock: it goes on while the machine is suspended and is never stepped, unlike
 * the wall clock; every deadline is on it.
 *
 * Node has no call for CLOCK_BOOTTIME; /proc/uptime shows it with 10 ms resolution (Linux
 * fs/proc/uptime.c), rounded down. Rounding down is safe for the holder, who counts from the sending;
 * the standby's side of it is part of `skewMs`.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface Clock {
  /** Milliseconds since the machine booted; never goes backwards. */
  bootMs(): number;
  /** Milliseconds since 1970, for people and for the fence's second condition only. */
  wallMs(): number;
  /** Resolves after `ms`, or as soon as `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  bootMs: () => Math.round(Number.parseFloat(readFileSync("/proc/uptime", "latin1")) * 1000),
  wallMs: () => Date.now(),
  sleep: async (ms, signal) => await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {}),
};

/** Changes with every boot, so that nothing saved before it can be mistaken for the present. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}
