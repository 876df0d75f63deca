import { expect, test } from "vitest";
import { defaultTiming } from "../../contract/timing.ts";
import type { Limits } from "./bounds.ts";
import { catalogue, scenarioNamed } from "./catalogue/index.ts";
import { type Result, resultsMarkdown } from "./results.ts";

const limits: Limits = { lease: defaultTiming, hungMs: 10_000, maxHeadAgeMs: 10_000, slotMs: 600 };

test("every scenario has a name of its own, one sentence and a bound above zero", () => {
  expect(new Set(catalogue.map(({ name }) => name)).size).toBe(catalogue.length);
  for (const { name, sentence, boundMs } of catalogue) {
    expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(sentence, name).toMatch(/^[A-Z`][\s\S]*\.$/);
    expect(boundMs(limits), name).toBeGreaterThan(0);
  }
});

test("what cannot be done here says why, and is little", () => {
  const absent = catalogue.filter(({ notHere }) => notHere !== undefined);
  for (const { notHere } of absent) expect(notHere?.length).toBeGreaterThan(20);
  expect(absent.length).toBeLessThan(catalogue.length / 10);
});

test("an unknown scenario is answered with where to look", () => {
  expect(() => scenarioNamed("powerof")).toThrow(expect.objectContaining({ code: "HF_USAGE" }));
});

test("the table has a line for each scenario: run, not run, or not here", () => {
  const result: Result = {
    scenario: "poweroff",
    verdict: "late",
    recoveryMs: 12_300,
    boundMs: 9800,
    overlapMs: 0,
    doubleSigned: 0,
    because: "12.3 s is above 9.8 s",
    tookMs: 20_000,
    at: "2026-01-01T00:00:00.000Z",
  };
  const lines = resultsMarkdown(catalogue, [result]).split("\n");
  for (const { name } of catalogue) expect(lines.filter((line) => line.startsWith(`| ${name} |`))).toHaveLength(1);
  expect(lines.find((line) => line.startsWith("| poweroff |"))).toContain(
    "**late**: 12.3 s is above 9.8 s | 12.3 s | 9.8 s",
  );
  expect(lines.find((line) => line.startsWith("| slow-packets-2s |"))).toContain("not here: this kernel has no netem");
  expect(lines.find((line) => line.startsWith("| reboot |"))).toContain("not run");
});
