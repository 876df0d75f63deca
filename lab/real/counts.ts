/** What a chain counts of one account, over the ends of NEAR epochs, where its counting begins anew. Pure. */

export interface Counts {
  readonly blocks: number;
  readonly expectedBlocks: number;
  readonly chunks: number;
  readonly expectedChunks: number;
  readonly endorsements: number;
  readonly expectedEndorsements: number;
}

export const noCounts: Counts = {
  blocks: 0,
  expectedBlocks: 0,
  chunks: 0,
  expectedChunks: 0,
  endorsements: 0,
  expectedEndorsements: 0,
};

const names = Object.keys(noCounts) as (keyof Counts)[];

const combine = (a: Counts, b: Counts, with_: (a: number, b: number) => number): Counts =>
  Object.fromEntries(names.map((name) => [name, with_(a[name], b[name])])) as unknown as Counts;

export const sumOf = (a: Counts, b: Counts): Counts => combine(a, b, (one, other) => one + other);
/** What came since `earlier`; never below nothing. */
export const since = (now: Counts, earlier: Counts): Counts =>
  combine(now, earlier, (one, other) => Math.max(0, one - other));

/** Adds up NEAR epochs. */
export class EpochCounts {
  #closed: Counts = noCounts;
  #nearEpoch: number | null = null;
  #now: Counts = noCounts;

  /** Since the first look. */
  get total(): Counts {
    return sumOf(this.#closed, this.#now);
  }

  /** Whether `nearEpoch` is another than at the last look; then ask how that one ended, and `close` it. */
  isNew(nearEpoch: number): boolean {
    return this.#nearEpoch !== null && nearEpoch !== this.#nearEpoch;
  }

  /** The last NEAR epoch's counts at its end; without them, or with another's, what was seen of it last stands. */
  close(final: { readonly nearEpoch: number; readonly counts: Counts } | null): void {
    this.#closed = sumOf(this.#closed, final?.nearEpoch === this.#nearEpoch ? final.counts : this.#now);
    this.#now = noCounts;
    this.#nearEpoch = null;
  }

  look(nearEpoch: number, counts: Counts): void {
    this.#nearEpoch = nearEpoch;
    this.#now = counts;
  }
}

/** Adds up a counter that a process begins at 0. */
export class ProcessCounter {
  #total = 0;
  #last: number | null = null;

  get total(): number {
    return this.#total;
  }

  look(value: number): void {
    // The first look of all is where counting begins; lower than before means another process.
    if (this.#last !== null) this.#total += value >= this.#last ? value - this.#last : value;
    this.#last = value;
  }
}
