/**
 * Watches all hosts from outside, knows the true time, and says which promise was broken. It looks
 * whenever something changed that could let a host sign, and never in between: time alone only ever
 * shuts a fence.
 *
 *   one-signer      the key is live behind an open fence on two hosts
 *   fenced-key      some process of neard has the key and no fence is armed
 *   live-lease      a fence is open for longer than what Consul confirmed allows
 *   epochs-grow     a host signs with an epoch that it did not take, or after somebody took a later one and signed
 *   paused          a lock changed hands by itself while the cluster was paused
 *   comes-back      (cluster.ts) nobody signs although the faults are over
 */
import type { Timeline } from "./timeline.ts";

export interface Violation {
  readonly promise: "one-signer" | "fenced-key" | "live-lease" | "epochs-grow" | "paused" | "comes-back" | "no-crash";
  readonly atMs: number;
  readonly what: string;
}

/** What the witness sees of a host. */
export interface Watched {
  readonly name: string;
  /** A live process of neard has the key in its memory. */
  readonly hasLiveKey: boolean;
  /** The epoch that its fence is armed for; null: not armed. */
  readonly armedEpoch: number | null;
  /** Until when its packets get out; the past: they do not. */
  readonly openUntilMs: number;
  /** By how much the fence's element outlives what it was computed for. */
  readonly fedLateMs: number;
  /** Against true time. */
  readonly rate: number;
}

/** The agent's clock is read 10 ms coarse, when it counts from the sending and when it feeds. */
const granularityMs = 21;
const markBits = 24;
/** agent/fence/fence.ts makes a feed anew that took longer than 100 ms, and reads the clock 10 ms coarse. */
export const forgivenLateMs = 111;

export class Witness {
  readonly #timeline: Timeline;
  /** Each host's. */
  readonly #leaseMs: readonly number[];
  #hosts: readonly Watched[] = [];
  /** Until when each host may sign, by the last confirmed write of its own. */
  #lawfulUntilMs: number[] = [];
  /** When each host's machine stood still with its clocks. */
  #pauses: { sinceMs: number; untilMs: number }[][] = [];
  /** Since when, and until when at most, each host can sign. */
  #signing: ({ sinceMs: number; untilMs: number } | null)[] = [];
  #signedMs = 0;
  /** Each host's take-overs: by epoch, the how manieth of the run it was. */
  #taken: Map<number, number>[] = [];
  #takenCount = 0;
  /** Of the present history of Consul's data. */
  #lastEpoch = 0;
  /** The take-over under which somebody signed last. */
  #lastSigned = 0;
  /** Take-overs that led to signing. */
  takeOvers = 0;
  violation: Violation | null = null;

  constructor(timeline: Timeline, leaseMs: readonly number[]) {
    this.#timeline = timeline;
    this.#leaseMs = leaseMs;
  }

  watch(hosts: readonly Watched[]): void {
    this.#hosts = hosts;
    this.#lawfulUntilMs = hosts.map(() => Number.NEGATIVE_INFINITY);
    this.#signing = hosts.map(() => null);
    this.#pauses = hosts.map(() => []);
    this.#taken = hosts.map(() => new Map());
  }

  /** For how long somebody could sign, up to now. */
  get signedMs(): number {
    const { nowMs } = this.#timeline;
    return this.#signing.reduce(
      (sum, span) => (span === null ? sum : sum + Math.min(span.untilMs, nowMs) - span.sinceMs),
      this.#signedMs,
    );
  }

  /** For how long without a break somebody has been able to sign; 0: nobody can now. */
  get steadyMs(): number {
    const { nowMs } = this.#timeline;
    const span = this.#signing.find((one) => one !== null && nowMs < one.untilMs);
    return span == null ? 0 : nowMs - span.sinceMs;
  }

  violate(promise: Violation["promise"], what: string): void {
    this.violation ??= { promise, atMs: this.#timeline.nowMs, what };
  }

  /** Something about this host's key or fence is different now. */
  changed(index: number): void {
    const host = this.#hosts[index];
    if (host === undefined) return;
    const { nowMs } = this.#timeline;
    const untilMs = host.hasLiveKey ? host.openUntilMs : Number.NEGATIVE_INFINITY;
    this.#account(index, untilMs);
    if (nowMs >= untilMs) return;
    const { armedEpoch } = host;
    if (armedEpoch === null) {
      this.violate("fenced-key", `${host.name} has the key and its fence is not armed`);
      return;
    }
    for (const [other, span] of this.#signing.entries())
      if (other !== index && span !== null && nowMs < span.untilMs)
        this.violate("one-signer", `${host.name} and ${this.#hosts[other]?.name} can both sign`);
    const overMs = untilMs - (this.#lawfulUntilMs[index] as number);
    if (overMs > granularityMs + Math.min(host.fedLateMs, forgivenLateMs))
      this.violate("live-lease", `${host.name}'s fence is open for ${overMs.toFixed(0)} ms more than its lease lives`);
    this.#noteEpoch(index, armedEpoch);
  }

  #account(index: number, untilMs: number): void {
    const { nowMs } = this.#timeline;
    const span = this.#signing[index] ?? null;
    if (span !== null && nowMs < span.untilMs && nowMs < untilMs) {
      span.untilMs = untilMs;
      return;
    }
    if (span !== null) this.#signedMs += Math.min(span.untilMs, nowMs) - span.sinceMs;
    this.#signing[index] = nowMs < untilMs ? { sinceMs: nowMs, untilMs } : null;
  }

  #noteEpoch(index: number, epoch: number): void {
    const name = this.#hosts[index]?.name;
    const order = this.#taken[index]?.get(epoch);
    if (order === undefined) {
      this.violate("epochs-grow", `${name} signs with epoch ${epoch}, which it never took`);
      return;
    }
    if (order < this.#lastSigned)
      this.violate("epochs-grow", `${name} signs with epoch ${epoch} although a later one has been signing`);
    if (order > this.#lastSigned) this.takeOvers += 1;
    this.#lastSigned = order;
  }

  /** Consul's data was put back or lost: its LockIndex begins anew, or where the snapshot had it. */
  beginHistory(lockIndex: number): void {
    this.#lastEpoch = lockIndex;
  }

  /** Consul committed a renewal or a take-over, which the host had sent at `sentMs`. */
  confirmed(index: number, sentMs: number): void {
    // A host counts on its own clock, which stood still while the machine did: `live-lease` does not cover that.
    const stoodMs = (this.#pauses[index] ?? []).reduce(
      (sum, { sinceMs, untilMs }) => sum + Math.max(0, untilMs - Math.max(sinceMs, sentMs)),
      0,
    );
    const untilMs = sentMs + stoodMs + (this.#leaseMs[index] ?? 0) / (this.#hosts[index]?.rate ?? 1);
    this.#lawfulUntilMs[index] = Math.max(this.#lawfulUntilMs[index] ?? Number.NEGATIVE_INFINITY, untilMs);
  }

  /** This host's machine has stood still with its clocks since `sinceMs`, and goes on now. */
  wasPaused(index: number, sinceMs: number): void {
    const { nowMs } = this.#timeline;
    this.#pauses[index]?.push({ sinceMs, untilMs: nowMs });
    this.#lawfulUntilMs[index] = (this.#lawfulUntilMs[index] ?? Number.NEGATIVE_INFINITY) + nowMs - sinceMs;
  }

  /** Consul committed a take-over. `successor`: whom a clean marker in the lock named. */
  tookOver(index: number, epoch: number, found: { isPaused: boolean; successor: string | null }): void {
    const name = this.#hosts[index]?.name;
    if (found.isPaused && found.successor !== name)
      this.violate("paused", `${name} took over by itself although the cluster is paused`);
    if (epoch <= this.#lastEpoch)
      this.violate("epochs-grow", `${name} took epoch ${epoch} after epoch ${this.#lastEpoch}`);
    this.#lastEpoch = epoch;
    this.#takenCount += 1;
    this.#taken[index]?.set(epoch, this.#takenCount);
  }
}

/** The epoch's part of a fence's mark; enough for any run. */
export function epochOfMark(mark: number | null): number | null {
  return mark === null ? null : mark % 2 ** markBits;
}
