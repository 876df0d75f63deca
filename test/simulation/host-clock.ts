/** A host's clocks: both run at its own rate; the wall clock can be stepped and can stand still. */
import type { Timeline } from "./timeline.ts";

/** The agent reads /proc/uptime: hundredths of a second, rounded down. */
const granularityMs = 10;

export class HostClock {
  readonly #timeline: Timeline;
  /** This host's seconds against true ones. */
  readonly rate: number;
  #bootedMs: number;
  #wallOffsetMs: number;
  /** Since when (true time) the wall clock has stood still. */
  #stoppedMs: number | null = null;

  constructor(timeline: Timeline, options: { rate: number; upMs: number; wallOffsetMs: number }) {
    this.#timeline = timeline;
    this.rate = options.rate;
    this.#bootedMs = timeline.nowMs - options.upMs;
    this.#wallOffsetMs = options.wallOffsetMs;
  }

  boot(): void {
    this.#bootedMs = this.#timeline.nowMs;
  }

  bootMs(): number {
    const ms = (this.#timeline.nowMs - this.#bootedMs) * this.rate;
    return Math.floor(ms / granularityMs) * granularityMs;
  }

  wallMs(): number {
    return (this.#stoppedMs ?? this.#timeline.nowMs) * this.rate + this.#wallOffsetMs;
  }

  stepWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  stopWall(): void {
    this.#stoppedMs ??= this.#timeline.nowMs;
  }

  /** It goes on from where it stood. */
  goOn(): void {
    if (this.#stoppedMs === null) return;
    this.#wallOffsetMs -= (this.#timeline.nowMs - this.#stoppedMs) * this.rate;
    this.#stoppedMs = null;
  }

  /** It goes on as if it had never stood still. */
  catchUp(): void {
    this.#stoppedMs = null;
  }

  /** True time at which the wall clock will show `wallMs`; infinity while it stands still before that. */
  trueMsOfWall(wallMs: number): number {
    if (this.#stoppedMs === null) return (wallMs - this.#wallOffsetMs) / this.rate;
    return this.wallMs() < wallMs ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }
}
