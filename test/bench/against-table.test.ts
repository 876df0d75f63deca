import { expect, test } from "vitest";
import { createPaint } from "../../cli/terminal/paint.ts";
import { type AgainstSample, againstMarkdown, formatAgainst, ratiosOf } from "./against-table.ts";
import { formatMarkdown } from "./table.ts";

const sample = (build: "this" | "other", kind: AgainstSample["kind"], seconds: number): AgainstSample => ({
  build,
  kind,
  seconds,
  overlapMs: 0,
});
const samples = [
  sample("other", "switchover", 150),
  sample("other", "switchover", 140),
  sample("other", "switchover", 160),
  sample("this", "switchover", 3),
  sample("this", "switchover", 9),
  sample("this", "switchover", 4.5),
  sample("other", "partition", 10),
  sample("this", "partition", 9),
];

test("the ratio is of the medians, kind by kind, and none where one build was not measured", () => {
  expect(ratiosOf(samples)).toEqual([
    { kind: "switchover", ratio: 0.03 },
    { kind: "partition", ratio: 0.9 },
  ]);
  expect(ratiosOf(samples.filter(({ build }) => build === "this"))).toEqual([]);
});

test("a ratio above the bound is marked", () => {
  expect(formatAgainst(samples, createPaint(false))).toMatchInlineSnapshot(`
    "event       runs  other (median / maximum, s)  this (median / maximum, s)  ratio of medians
    switchover  3     150.0 / 160.0                4.5 / 9.0                   0.030
    partition   1     10.0 / 10.0                  9.0 / 9.0                   0.900 !"
  `);
});

test("the page of figures has it as a section", () => {
  const machine = { cpu: "A CPU", cores: 2, memoryGiB: 24, kernel: "6.1.0", load: [0, 0, 0] };
  const about = { date: "2026-01-31T11:05:09.123Z", commit: "abc1234", machine };
  const beside = againstMarkdown({ ...about, other: "ada3dab", samples });
  const page = formatMarkdown({ ...about, quick: false, samples: [] }, "x.svg", beside);
  expect(page).toContain("\n\n## Beside ada3dab\n");
  expect(page).toContain("| switchover | 3 | 150.0 / 160.0 | 4.5 / 9.0 | 0.030 |\n");
  expect(page.endsWith("|\n")).toBe(true);
});
