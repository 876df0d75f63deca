import { expect, test } from "vitest";
import { describeProgress } from "./print-progress.ts";

test("progress says what, how far, how long and where the log is", () => {
  expect(describeProgress({ tool: "consul", step: "building", elapsedMs: 2_400 })).toBe("consul: building (2s)");
  expect(describeProgress({ tool: "consul", step: "building", elapsedMs: 64_000, logFile: "/l" })).toBe(
    "consul: building (1m04s, log: /l)",
  );
});
