import { expect, test } from "vitest";
import { median, summarize } from "./statistics.ts";

test("the median is the middle by size, not by order or by text", () => {
  expect(median([10, 9, 100])).toBe(10);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([7])).toBe(7);
});

test("the values stay in the order in which they were measured", () => {
  const values = [3, 1, 2];
  expect(summarize(values)).toEqual({ runs: 3, median: 2, maximum: 3 });
  expect(values).toEqual([3, 1, 2]);
});

test("nothing measured has no summary, and no median", () => {
  expect(summarize([])).toBeNull();
  expect(() => median([])).toThrow("no values");
});
