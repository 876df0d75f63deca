import { expect, test } from "vitest";
import { countsOf, failuresOf, parseReport } from "./report.ts";

const file = (name: string, results: object[], message = "") => ({
  name: `/repo/${name}`,
  status: "failed",
  message,
  assertionResults: results,
});

const report = (testResults: object[], failed = 0) =>
  parseReport(
    JSON.stringify({ numPassedTests: 3, numFailedTests: failed, numPendingTests: 1, numTodoTests: 1, testResults }),
  );

test("failures are told in order, in a few words and without colours or stacks", () => {
  const message =
    "AssertionError: \u001b[31mno standby\u001b[39m is ready\n\n    at /repo/test/a.ts:3:1\n    at process";
  const long = `Error: begun ${"x".repeat(3000)} exit code 255`;
  const found = report(
    [
      file("test/a.test.ts", [
        { fullName: "one", status: "passed", failureMessages: [] },
        { fullName: "two", status: "failed", failureMessages: [message, long] },
      ]),
    ],
    1,
  );
  const lines = failuresOf(found, "/repo").join("\n").split("\n");
  expect(lines.slice(0, 2)).toEqual(["FAILED test/a.test.ts: two", "  AssertionError: no standby is ready"]);
  expect(lines[2]).toMatch(/^ {2}Error: begun x+ \[\.\.\.\] x+ exit code 255$/);
  expect(lines[2]?.length).toBeLessThan(1800);
  expect(lines).toHaveLength(3);
});

test("a file that failed before its first test is one failure, and says why", () => {
  const found = report([file("test/b.test.ts", [], "SyntaxError: Unexpected token")]);
  expect(countsOf(found, false)).toEqual({ passed: 3, failed: 1, skipped: 2 });
  expect(failuresOf(found, "/repo")).toEqual([
    "FAILED test/b.test.ts: before or after its tests\n  SyntaxError: Unexpected token",
  ]);
});

test("a run that failed without a failed test counts as one failure", () => {
  expect(countsOf(report([]), false).failed).toBe(1);
  expect(countsOf(report([]), true).failed).toBe(0);
});
