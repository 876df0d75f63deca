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

/** Those that sleep until a signal, each with what wakes it. */
const sleepers = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * One listener for all that sleep on a signal. Node's own sleep makes one for each, and that costs as much again as
 * the timer: 0.07 % of a core for what an agent does five times a second.
 */
function sleepersOn(signal: AbortSignal): Set<() => void> {
  const known = sleepers.get(signal);
  if (known !== undefined) return known;
  const all = new Set<() => void>();
  sleepers.set(signal, all);
  const wakeAll = () => {
    for (const wake of [...all]) wake();
  };
  signal.addEventListener("abort", wakeAll, { once: true });
  return all;
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  const others = signal === undefined ? undefined : sleepersOn(signal);
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      others?.delete(wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    others?.add(wake);
  });
}

export const systemClock: Clock = {
  bootMs,
  wallMs: () => Date.now(),
  sleep,
};

/** Changes with every boot, so that nothing saved before it can be mistaken for the present. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}
