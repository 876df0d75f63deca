import { describe, expect, test } from "vitest";
import { createPaint } from "../../cli/terminal/paint.ts";
import { type Verdict, verdictFrom } from "./checks.ts";
import { formatRun, type Row } from "./report.ts";

const root = "/tmp/holdfast-mutation-x";
const file = (name: string, ...statuses: string[]) => ({
  name: `${root}/agent/${name}`,
  message: "",
  assertionResults: statuses.map((status, i) => ({ status, fullName: `${name} ${i}` })),
});
const verdict = (...testResults: object[]) => verdictFrom(JSON.stringify({ testResults }), root);

describe("what vitest reports", () => {
  test("a failed test has caught it, and is named", () =>
    expect(verdict(file("a.test.ts", "passed"), file("b.test.ts", "passed", "failed"))).toEqual({
      caught: true,
      by: "agent/b.test.ts: b.test.ts 1",
      failed: null,
    }));
  test("tests that passed have not", () =>
    expect(verdict(file("a.test.ts", "passed", "passed"))).toEqual({
      caught: false,
      by: "none of 2 tests",
      failed: null,
    }));
  test.for([
    ["a file that could not be loaded", [file("a.test.ts", "passed"), file("b.test.ts")]],
    ["tests that were all skipped", [file("a.test.ts", "skipped")]],
    ["no file", []],
  ] as const)("%s is no verdict", ([, files]) => {
    const found = verdict(...files);
    expect(found.caught).toBe(false);
    expect(found.failed).not.toBeNull();
  });
});

describe("the table", () => {
  const of = (caught: boolean, by: string): Verdict => ({ caught, by, ms: 1234, failed: null });
  const row = (name: string, simulation: Verdict | null, tests: Verdict | null, caught: boolean): Row => ({
    outcome: { name, breaks: `What ${name} breaks.`, simulation, tests, caught },
    simulation: simulation !== null,
  });
  const text = (...rows: Row[]) => formatRun(rows, { paint: createPaint(false), columns: undefined });

  test("tells who caught what, and after how long", () => {
    const table = text(row("early", of(true, "seed 3: one-signer"), of(true, "a.test.ts: waits"), true));
    expect(table).toMatch(/^early +seed 3: one-signer \(1\.2 s\) +a\.test\.ts: waits \(1\.2 s\)$/m);
    expect(table).toContain("All 1 mutations were caught.");
  });

  test("says of each that was not caught what it breaks", () => {
    const table = text(
      row("early", null, of(true, "a.test.ts: waits"), true),
      row("late", of(false, "no seed up to 40"), null, false),
    );
    expect(table).toContain("NOT CAUGHT: no seed up to 40 (1.2 s)");
    expect(table).toContain("1 of 2 mutations were NOT caught:\n  late: What late breaks.");
  });
});
