import { expect, test } from "vitest";
import { type ScaleSample, scaleMarkdown, scaleRatios } from "./scale-table.ts";

const of = (kind: ScaleSample["kind"], which: ScaleSample["which"], ...seconds: number[]): ScaleSample[] =>
  seconds.map((value) => ({ kind, which, seconds: value }));

const samples = [
  ...of("preview", "base", 2, 3, 2),
  ...of("preview", "other", 4, 4, 9),
  ...of("no-change", "base", 4),
  ...of("no-change", "other", 5.6),
  ...of("up", "base", 20),
  ...of("up-shared", "base", 20),
  ...of("up-shared", "other", 60),
];

test("the ratio is of medians, and only a ratio above its bound is one", () => {
  expect(scaleRatios(samples).map(({ kind, ratio, isAbove }) => [kind, ratio, isAbove])).toEqual([
    ["preview", 2, false],
    // Hosts that share this machine's cores say nothing of holdfast.
    ["up-shared", 3, false],
    ["no-change", 1.4, true],
  ]);
});

test("docs/figures.md marks what is above its bound", () => {
  const machine = { cpu: "a CPU", cores: 2, memoryGiB: 24, kernel: "6.1", load: [0, 0, 0] as [number, number, number] };
  const rows = scaleMarkdown({ date: "2026-11-30T05:00:00Z", commit: "abc", machine, samples }).filter((line) =>
    line.includes(" / "),
  );
  expect(rows.at(-3)).toContain("| 3 | 2.0 / 3.0 | 4.0 / 9.0 | 2.00 | ≤ 2 |");
  expect(rows.at(-2)).toContain("| 1 | 20.0 / 20.0 | 60.0 / 60.0 | 3.00 |  |");
  expect(rows.at(-1)).toContain("| 1 | 4.0 / 4.0 | 5.6 / 5.6 | 1.40 ! | ≤ 1.3 |");
});
