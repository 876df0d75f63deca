import { expect, test } from "vitest";
import { type Counts, EpochCounts, noCounts, ProcessCounter, since } from "./counts.ts";
import { metricIn } from "./rpc.ts";

const counts = (blocks: number, expectedBlocks: number): Counts => ({ ...noCounts, blocks, expectedBlocks });

test("NEAR epochs are added up, each with what it had at its end", () => {
  const epochs = new EpochCounts();
  epochs.look(7, counts(3, 4));
  expect(epochs.isNew(7)).toBe(false);
  expect(epochs.isNew(8)).toBe(true);
  epochs.close({ nearEpoch: 7, counts: counts(5, 7) });
  epochs.look(8, counts(1, 1));
  expect(epochs.total).toEqual(counts(6, 8));
});

test.each([
  ["that nobody saw", null],
  ["of another NEAR epoch", { nearEpoch: 6, counts: counts(1, 1) }],
])("an end %s leaves what was seen last", (_, end) => {
  const epochs = new EpochCounts();
  epochs.look(7, counts(3, 4));
  epochs.close(end);
  expect(epochs.total).toEqual(counts(3, 4));
});

test("what came since a moment is never below nothing", () => {
  expect(since(counts(6, 8), counts(5, 5))).toEqual(counts(1, 3));
  expect(since(counts(1, 1), counts(5, 5))).toEqual(noCounts);
});

test("a process that begins at 0 again goes on from what was counted", () => {
  const counter = new ProcessCounter();
  for (const value of [10, 12, 12, 3, 5]) counter.look(value);
  // 2 by the first process since the first look, 5 by the second.
  expect(counter.total).toBe(7);
});

test("a metric is the sum over its labels", () => {
  const text = 'near_x_total 3\nnear_x 5\nnear_y{a="1"} 2\nnear_y{a="2"} 4\n# TYPE near_z counter\n';
  expect(metricIn(text, "near_x")).toBe(5);
  expect(metricIn(text, "near_y")).toBe(6);
  expect(metricIn(text, "near_z")).toBeNull();
});
