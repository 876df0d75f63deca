/** Some fifty simulated hours in `npm test`; `npm run simulate -- --hours 1000` for more. */
import { expect, test } from "vitest";
import { simulate } from "./simulate.ts";

/** Those that once found something first (test/regressions.md); what they find changes with every fault that is added. */
const seeds = [16, 18, 21, 24, 34, 44, 49, 51, 82, 87, ...Array.from({ length: 90 }, (_, i) => 1000 + i)];

test.for(seeds)("seed %i: every promise is kept, and the validator comes back", { timeout: 120_000 }, async (seed) => {
  const report = await simulate(seed, 0.5);
  expect(report.violations, `npm run simulate -- --seed ${seed} --shrink`).toEqual([]);
  expect(report.takeOvers, "the run must have moved the key, or it shows nothing").toBeGreaterThan(5);
});
