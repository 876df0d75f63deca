import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { defaultTiming, type LeaseTiming, timingFaults } from "../../contract/timing.ts";
import { configurationOf, drifting, outcomeOf, restoring, runs, type Scale } from "./runs.ts";

/** The model's numbers as the contract writes them, a tick being as long as the default `skewMs`. */
function asTiming({ lease, takeover, unbroken, steady }: Scale): LeaseTiming {
  const tickMs = defaultTiming.skewMs;
  return {
    ...defaultTiming,
    renewMs: 1,
    leaseMs: lease * tickMs,
    skewMs: steady > 0 ? tickMs : 0,
    takeoverMs: takeover * tickMs,
    unbrokenMs: unbroken * tickMs,
  };
}

describe("the scales", () => {
  test.each([
    ["drifting", drifting],
    ["restoring", restoring],
  ])("%s: as tight as the default timing, and one tick less breaks the contract's rule", (_, scale) => {
    const sum = (t: LeaseTiming) => t.leaseMs + t.stopMs + t.skewMs;
    expect(sum(defaultTiming)).toBe(defaultTiming.takeoverMs);
    expect(sum(asTiming(scale))).toBe(asTiming(scale).takeoverMs);
    const faults = (s: Scale) => timingFaults(asTiming(s)).filter((fault) => fault.includes("could start before"));
    expect(faults(scale)).toEqual([]);
    expect(faults({ ...scale, takeover: scale.takeover - 1 })).toHaveLength(1);
  });

  test.each([drifting, restoring])("the watch's bound is below the wait", ({ unbroken, takeover }) => {
    expect(unbroken).toBeLessThan(takeover);
  });

  test("a clock that is late is late by a tick in a wait at most", () => {
    expect(drifting.steady).toBeGreaterThanOrEqual(drifting.takeover);
  });
});

test("every rule of the model is left out by one run, and no other", async () => {
  const model = await readFile(new URL("Lease.tla", import.meta.url), "utf8");
  for (const { leftOut } of runs) if (leftOut !== null) expect(model).toContain(`"${leftOut}"`);
  const rules = [...model.matchAll(/Keeps\("([^"]+)"\)/g)].map((match) => match[1]);
  for (const rule of rules) expect(runs.map((run) => run.leftOut)).toContain(rule);
});

test("a property of steps is not given as an invariant", () => {
  const of = (name: string) => configurationOf(runs.find((run) => run.checks === name) ?? expect.fail());
  expect(of("NeverResumed")).toContain("PROPERTY NeverResumed");
  expect(of("NeverFailover")).toContain("INVARIANT NeverFailover");
});

describe("what TLC says", () => {
  const counted = "\n1319118 states generated, 190591 distinct states found, 0 states left on queue.\n";

  test("nothing found", () => {
    const output = `Model checking completed. No error has been found.\n${counted}`;
    expect(outcomeOf(output, "OneSigner")).toEqual({ verdict: "holds", states: 190591, steps: 0 });
  });

  test("refuted, with the trace's length", () => {
    const output = `Error: Invariant OneSigner is violated.\nState 1: <Initial predicate>\nState 2: <Take>\n${counted}`;
    expect(outcomeOf(output, "OneSigner")).toMatchObject({ verdict: "refuted", steps: 2 });
  });

  test("something else was refuted: unclear", () => {
    expect(outcomeOf(`Error: Action property EpochsGrow is violated.\n${counted}`, "OneSigner").verdict).toBe(
      "unclear",
    );
  });

  test("it did not get to an end: unclear", () => {
    expect(outcomeOf("java.lang.OutOfMemoryError", "OneSigner").verdict).toBe("unclear");
    expect(outcomeOf("", "OneSigner").verdict).toBe("unclear");
  });
});
