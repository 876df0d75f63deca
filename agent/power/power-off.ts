/**
 * Cuts a host's power and reads it back, within a bound. What it returns is a proof; that it throws proves nothing, not
 * even that the power stays on.
 *
 * Idea: an order is never believed, only a reading. The device is read first (it tells the right machine, which may be off
 * already), then told, then read until it says `off`; a device that is busy, out of reach or overrun is asked again until
 * the time is over. An action that never ends is no matter: the reading is what counts.
 * Awkward case: the old host comes back to life meanwhile. So right before each order the caller looks whether it is
 * still wanted, and the order is not given if that cannot be told.
 */
import type { Clock } from "../../host/system/clock.ts";
import { type DeviceReading, type PowerDevice, WrongMachine } from "./device.ts";

/** An order that had no effect is given again after this. */
const orderAgainMs = 10_000;
/** One call of the device. */
export const callMs = 10_000;
/** A call that has less time than this would only be cut short: an order that nobody reads the effect of. */
const leastMs = 500;

/** Said by `stillWanted`: the order must not be given. */
export class NotWanted extends Error {}

export interface PowerOff {
  readonly clock: Pick<Clock, "bootMs" | "sleep">;
  readonly withinMs: number;
  readonly signal: AbortSignal;
  /** Gives up after so many failures of the device in a row; null: not before the time is over. */
  readonly failures: number | null;
  /** Told of each new thing that goes wrong. */
  readonly onTrouble: (because: string) => void;
  /** @throws NotWanted, or whatever keeps one from telling: then nothing is cut */
  readonly stillWanted: () => Promise<void>;
}

/** @returns how it is known that the host is off, a clause. @throws Error that says why it is not known to be */
export async function powerOff(device: PowerDevice, options: PowerOff): Promise<string> {
  const { clock, withinMs, signal, stillWanted, onTrouble, failures } = options;
  const startMs = clock.bootMs();
  const leftMs = () => startMs + withinMs - clock.bootMs();
  const bounds = () => ({ withinMs: Math.max(1, Math.min(callMs, leftMs())), signal });
  let orderedMs: number | null = null;
  let why = "there was no time to ask the device";
  let failed = 0;
  const trouble = (now: string) => {
    if (now !== why) onTrouble(now);
    why = now;
  };
  while (leftMs() >= leastMs) {
    if (signal.aborted) throw new NotWanted("it is not wanted any more");
    let reading: DeviceReading | null = null;
    try {
      reading = await device.read(bounds());
      if (reading.state === "off") return proofOf(reading, orderedMs === null ? null : clock.bootMs() - orderedMs);
      if (orderedMs === null) why = `${reading.because} is on`;
      else trouble(`${reading.because} is still on after its power was cut`);
      if (orderedMs === null || clock.bootMs() - orderedMs >= orderAgainMs) {
        await stillWanted();
        if (signal.aborted) throw new NotWanted("it is not wanted any more");
        if (leftMs() < leastMs) break;
        await device.cut(bounds());
        orderedMs = clock.bootMs();
      }
      failed = 0;
    } catch (error) {
      if (error instanceof WrongMachine || error instanceof NotWanted) throw error;
      trouble(error instanceof Error ? error.message : String(error));
      failed += 1;
      if (failures !== null && failed >= failures) throw new Error(`${why} (${failed} times in a row)`);
    }
    await clock.sleep(Math.min(device.pollMs, Math.max(0, leftMs())), signal);
  }
  throw new Error(`${why} (bound: ${withinMs / 1000} s)`);
}

function proofOf({ because }: DeviceReading, afterMs: number | null): string {
  if (afterMs === null) return `${because} was off already`;
  return `${because} is off, read ${(afterMs / 1000).toFixed(1)} s after its power was cut`;
}
