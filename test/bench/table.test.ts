import { expect, test } from "vitest";
import { createPaint } from "../../cli/terminal/paint.ts";
import { breaches, type Sample } from "./figures.ts";
import { formatFigures, formatMarkdown } from "./table.ts";

const samples: Sample[] = [
  { figure: "overlap", value: 0 },
  { figure: "poweroff", value: 7.9 },
  { figure: "poweroff", value: 10.4 },
  { figure: "poweroff", value: 8.1 },
  { figure: "switchover-took", value: 0.052 },
  { figure: "double-signed", value: 0 },
];
const machine = { cpu: "A CPU", cores: 2, memoryGiB: 24, kernel: "6.1.0", load: [0.1, 0.25, 1] };
const results = { date: "2026-01-31T11:05:09.123Z", commit: "abc1234+", quick: false, machine, samples };

test("a row for each figure that was measured, in the order of the figures, above target marked", () => {
  expect(formatFigures(samples, createPaint(false))).toMatchInlineSnapshot(`
    "figure                                                        runs  median  maximum  target  kneard (median / maximum)
    active host loses power: silence until the standby signs (s)  3     8.1     10.4 !   ≤ 10    10.6 / 12.8
    switchover: the new holder's own clock (s)                    1     0.05    0.05
    all of the above: two hosts sign for (s)                      1     0       0        0
    all of the above: heights signed twice (heights)              1     0       0        0"
  `);
});

test("the page has the machine, the same rows and the drawing", () => {
  const page = formatMarkdown(results, "../x.svg");
  expect(page).toContain(
    "2026-01-31 11:05 UTC · commit abc1234+ · A CPU, 2 cores, 24 GiB · Linux 6.1.0 · load average at the start 0.10, 0.25, 1.00.",
  );
  expect(page).toContain("| 3 | 8.1 | 10.4 ! | ≤ 10 | 10.6 / 12.8 |");
  expect(page).toContain("](../x.svg)");
  const columns = page
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").length);
  expect(new Set(columns)).toEqual(new Set([8]));
});

test("a breach is any overlap and any height signed twice, and nothing else", () => {
  expect(breaches(samples)).toEqual([]);
  const overlap: Sample = { figure: "overlap", value: 0.001 };
  const twice: Sample = { figure: "double-signed", value: 1 };
  expect(breaches([...samples, overlap, twice])).toEqual([overlap, twice]);
});
