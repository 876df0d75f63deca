/**
 * A host's clocks: both run at its own rate; the wall clock can be stepped and can stand still. In a virtual machine that
 * is paused both stand still, and go on from where they stood.
 */
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
  /** Since when (true time) the machine has been paused. */
  #pausedMs: number | null = null;

  constructor(timeline: Timeline, options: { rate: number; upMs: number; wallOffsetMs: number }) {
    this.#timeline = timeline;
    this.rate = options.rate;
    this.#bootedMs = timeline.nowMs - options.upMs;
    this.#wallOffsetMs = options.wallOffsetMs;
  }

  boot(): void {
    this.#bootedMs = this.#timeline.nowMs;
  }

  get isPaused(): boolean {
    return this.#pausedMs !== null;
  }

  pause(): void {
    this.#pausedMs ??= this.#timeline.nowMs;
  }

  resume(): void {
    if (this.#pausedMs === null) return;
    const pausedMs = this.#timeline.nowMs - this.#pausedMs;
    this.#pausedMs = null;
    this.#bootedMs += pausedMs;
    this.#wallOffsetMs -= pausedMs * this.rate;
    // One that stood still already stands still for no longer than that.
    if (this.#stoppedMs !== null) this.#stoppedMs += pausedMs;
  }

  /** True time, as far as this machine has lived through it. */
  get #nowMs(): number {
    return this.#pausedMs ?? this.#timeline.nowMs;
  }

  bootMs(): number {
    const ms = (this.#nowMs - this.#bootedMs) * this.rate;
    return Math.floor(ms / granularityMs) * granularityMs;
  }

  wallMs(): number {
    return (this.#stoppedMs ?? this.#nowMs) * this.rate + this.#wallOffsetMs;
  }

  stepWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  stopWall(): void {
    this.#stoppedMs ??= this.#nowMs;
  }

  /** It goes on from where it stood. */
  goOn(): void {
    if (this.#stoppedMs === null) return;
    this.#wallOffsetMs -= (this.#nowMs - this.#stoppedMs) * this.rate;
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
