/**
 * Virtual time: a queue of things that happen, in order. Nothing here waits for anything real.
 *
 * The agent's code waits with promises. What it does after a promise has settled happens at the same
 * instant of virtual time, so between two things all promises must have run as far as they can. A
 * callback of `process.nextTick` that was asked for by a microtask comes exactly when no microtask is left
 * (Node's documentation: "the event loop, timers and process.nextTick"), and costs a tenth of a turn of
 * the event loop.
 */

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

/** After so many turns Node's own event loop gets one: for signals, and for whoever watches a long run. */
const breatheEvery = 20_000;

export class Timeline {
  #nowMs = 0;
  #order = 0;
  #settling = false;
  #turns = 0;
  readonly #heap: Entry[] = [];

  /** True time, which no host knows. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many things have happened. */
  get turns(): number {
    return this.#turns;
  }

  after(delayMs: number, act: () => void): void {
    this.#push({ atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, act });
  }

  at(atMs: number, act: () => void): void {
    this.after(atMs - this.#nowMs, act);
  }

  /** To be called by whoever settles a promise: what waits for it runs before anything else happens. */
  settle(act: () => void): void {
    this.#settling = true;
    act();
  }

  /** Runs everything up to `untilMs`, or until `isOver` says so after something has happened. */
  async run(untilMs: number, isOver: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        try {
          for (;;) {
            const entry = this.#heap[0];
            if (entry === undefined || entry.atMs > untilMs) {
              this.#nowMs = untilMs;
              resolve();
              return;
            }
            this.#pop();
            this.#nowMs = entry.atMs;
            this.#turns += 1;
            entry.act();
            if (this.#settling) break;
            if (isOver()) {
              resolve();
              return;
            }
          }
          this.#settling = false;
        } catch (error) {
          reject(error);
          return;
        }
        if (this.#turns % breatheEvery === 0) setImmediate(next);
        else queueMicrotask(soon);
      };
      const next = () => {
        if (isOver()) resolve();
        else turn();
      };
      const soon = () => process.nextTick(next);
      // Whatever was begun before the run comes first.
      queueMicrotask(soon);
    });
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = heap[up] as Entry;
      if (!isBefore(entry, parent)) break;
      heap[i] = parent;
      i = up;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    const { length } = heap;
    if (length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child += 1;
      if (!isBefore(heap[child] as Entry, last)) break;
      heap[i] = heap[child] as Entry;
      i = child;
    }
    heap[i] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
