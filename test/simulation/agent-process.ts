/**
 * One run of the agent's program: it can stand still (SIGSTOP, a starved host) at any moment, and die.
 * Whatever would reach it while it stands still reaches it when it goes on, in order; a dead one hears
 * nothing more.
 */
import type { Clock } from "../../host/system/clock.ts";
import type { HostClock } from "./host-clock.ts";
import type { Timeline } from "./timeline.ts";

export class AgentProcess {
  readonly #timeline: Timeline;
  readonly #clock: HostClock;
  #isAlive = true;
  #pausedUntilMs = 0;
  #pauseAtEdgeMs = 0;
  /** What reached it while it stood still. */
  #deferred: (() => void)[] = [];
  readonly #sleepers = new WeakMap<AbortSignal, Set<() => void>>();

  constructor(timeline: Timeline, clock: HostClock) {
    this.#timeline = timeline;
    this.#clock = clock;
  }

  /** The agent's own view of time. */
  readonly clock: Clock = {
    bootMs: () => this.#clock.bootMs(),
    wallMs: () => this.#clock.wallMs(),
    sleep: async (ms, signal) => await this.#sleep(ms, signal),
  };

  async #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return;
    const sleepers = signal === undefined ? undefined : this.#sleepersOn(signal);
    await new Promise<void>((resolve) => {
      const end = () => {
        sleepers?.delete(end);
        this.#timeline.settle(resolve);
      };
      sleepers?.add(end);
      this.after(ms, end);
    });
  }

  /** One listener for all that sleep on a signal: one for each sleep makes a simulated hour 8 % dearer. */
  #sleepersOn(signal: AbortSignal): Set<() => void> {
    const known = this.#sleepers.get(signal);
    if (known !== undefined) return known;
    const sleepers = new Set<() => void>();
    this.#sleepers.set(signal, sleepers);
    signal.addEventListener("abort", () => {
      for (const end of sleepers) end();
    });
    return sleepers;
  }

  get trueMs(): number {
    return this.#timeline.nowMs;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#timeline.nowMs < this.#pausedUntilMs;
  }

  kill(): void {
    this.#isAlive = false;
  }

  pause(forMs: number): void {
    const untilMs = this.#timeline.nowMs + forMs;
    if (untilMs <= this.#pausedUntilMs) return;
    this.#pausedUntilMs = untilMs;
    this.#timeline.at(untilMs, () => this.#wake());
  }

  /** Goes on now, if it stood still. */
  resume(): void {
    this.#pausedUntilMs = Math.min(this.#pausedUntilMs, this.#timeline.nowMs);
    this.#pauseAtEdgeMs = 0;
    this.#wake();
  }

  #wake(): void {
    if (this.isPaused) return;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const act of deferred) this.#timeline.after(0, () => this.whenAwake(act));
  }

  /** Stands still the next time that it has decided something and is about to do it. */
  pauseAtEdge(forMs: number): void {
    this.#pauseAtEdgeMs = forMs;
  }

  /** After `ms` of this host's clock, and when it does not stand still. */
  after(ms: number, act: () => void): void {
    this.#timeline.after(ms / this.#clock.rate, () => this.whenAwake(act));
  }

  whenAwake(act: () => void): void {
    if (!this.#isAlive) return;
    if (this.isPaused) this.#deferred.push(act);
    else act();
  }

  /** Something that leaves the process; `begin` happens once it does not stand still. */
  async edge<T>(begin: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    this.#meetEdge();
    return await new Promise<T>((resolve, reject) => {
      this.whenAwake(() =>
        begin(
          (value) => this.#timeline.settle(() => resolve(value)),
          (error) => this.#timeline.settle(() => reject(error)),
        ),
      );
    });
  }

  /** Like `edge`, for what the agent does without waiting: a file that it writes. */
  edgeSync(act: () => void): void {
    this.#meetEdge();
    this.whenAwake(act);
  }

  #meetEdge(): void {
    if (this.#pauseAtEdgeMs === 0) return;
    this.pause(this.#pauseAtEdgeMs);
    this.#pauseAtEdgeMs = 0;
  }
}
