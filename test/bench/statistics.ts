/** What a row of the table says about its values. Pure. */

export interface Summary {
  readonly runs: number;
  readonly median: number;
  readonly maximum: number;
}

/** The middle value; of an even number of values the mean of the two in the middle. @throws for no values */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("no values have no median");
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2;
}

/** @returns null for no values */
export function summarize(values: readonly number[]): Summary | null {
  if (values.length === 0) return null;
  return { runs: values.length, median: median(values), maximum: Math.max(...values) };
}
