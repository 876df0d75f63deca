import { expect, test } from "vitest";
import { simulate } from "./simulate.ts";

// Seeds that once found something come first (test/regressions.md).
const seeds = [1, 2, 3, 91827, ...Array.from({ length: 16 }, (_, i) => 1000 + i)];

test.for(seeds)("seed %i: never two signers, and the validator comes back", { timeout: 60_000 }, (seed) => {
  const report = simulate(seed, 0.5);
  expect(report.violations, report.trace.join("\n")).toEqual([]);
  expect(report.takeOvers, "the run must have moved the key, or it shows nothing").toBeGreaterThan(5);
});
