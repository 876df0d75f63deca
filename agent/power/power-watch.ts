/**
 * Reads the other hosts' power devices now and then, so that one that does not answer is known before it is needed: a token
 * that was revoked, a management network that is cut. Reads only.
 *
 * What it costs Hetzner's API: with three neard hosts some ten requests each five minutes, of the 3,600 an hour.
 */
import type { PowerReading } from "../../contract/fencing.ts";
import type { Clock } from "../../host/system/clock.ts";
import type { DeviceOf } from "./devices.ts";
import { callMs } from "./power-off.ts";

const everyMs = 300_000;
/** One that could not be read is soon looked at again: it may be mended, or have been busy. */
const soonMs = 60_000;

export interface Seen extends PowerReading {
  /** On the host's boot-time clock. */
  readonly atMs: number;
}

/** One reading of one host's device, with the time that it has when it is needed; never throws. */
export async function readPower(
  deviceOf: DeviceOf,
  host: string,
  clock: Pick<Clock, "bootMs">,
  signal: AbortSignal,
): Promise<Seen> {
  const device = deviceOf(host);
  const startMs = clock.bootMs();
  const seen = (state: Seen["state"], because: string): Seen => {
    const atMs = clock.bootMs();
    return { host, device: device?.kind ?? "none", state, because, tookMs: Math.round(atMs - startMs), atMs };
  };
  if (device === null) return seen(null, `${host} has no power device`);
  // One of its own: what AbortSignal.any joins to a signal stays there, some bytes for each reading, for as long as that one lives.
  const reading = new AbortController();
  const end = () => reading.abort();
  signal.addEventListener("abort", end);
  try {
    const { state, because } = await device.read({ withinMs: callMs, signal: reading.signal, isIdle: true });
    return seen(state, because);
  } catch (error) {
    return seen(null, error instanceof Error ? error.message : String(error));
  } finally {
    signal.removeEventListener("abort", end);
  }
}

export class PowerWatch {
  readonly #deviceOf: DeviceOf;
  readonly #hosts: readonly string[];
  readonly #clock: Pick<Clock, "bootMs" | "sleep">;
  readonly #seen = new Map<string, Seen>();

  /** @param hosts those whose devices this host may have to use */
  constructor(deviceOf: DeviceOf, hosts: readonly string[], clock: Pick<Clock, "bootMs" | "sleep">) {
    this.#deviceOf = deviceOf;
    this.#hosts = hosts;
    this.#clock = clock;
  }

  /** By host, what was read last. */
  get seen(): readonly Seen[] {
    return this.#hosts.flatMap((host) => this.#seen.get(host) ?? []);
  }

  /** For whoever has just read one. */
  note(reading: Seen): void {
    if (this.#hosts.includes(reading.host)) this.#seen.set(reading.host, reading);
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const host of this.#hosts) this.note(await readPower(this.#deviceOf, host, this.#clock, signal));
      const isSound = this.seen.every(({ state }) => state !== null);
      await this.#clock.sleep(isSound ? everyMs : soonMs, signal);
    }
  }
}
