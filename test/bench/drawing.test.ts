import { expect, test } from "vitest";
import { drawFailoverGap } from "./drawing.ts";
import type { FigureName } from "./figures.ts";

const runs = (figure: FigureName, ...values: number[]) => values.map((value) => ({ figure, value }));
const all = (svg: string, pattern: RegExp) => [...svg.matchAll(pattern)].map((match) => Number(match[1]));
const dots = (svg: string) => all(svg, /<circle class="dot" cx="([\d.]+)"/g);
const medians = (svg: string) => all(svg, /<line class="median" x1="([\d.]+)"/g);
const bound = (svg: string) => all(svg, /<line class="bound" x1="([\d.]+)"/g);

test("a dot for every run and the median of each kind, on one scale with the bound", () => {
  const svg = drawFailoverGap([...runs("poweroff", 8, 12, 10), ...runs("partition", 7), ...runs("switchover", 99)]);
  expect(dots(svg)).toHaveLength(4);
  const [eight, twelve, ten, seven] = dots(svg);
  expect(medians(svg)).toEqual([ten, seven]);
  expect(bound(svg)).toEqual([ten]);
  expect((twelve ?? 0) - (ten ?? 0)).toBeCloseTo((ten ?? 0) - (eight ?? 0), 0);
  expect(svg).not.toContain("neard killed");
});

test("the drawing is wide enough for a very long gap", () => {
  const svg = drawFailoverGap(runs("kill-neard", 90));
  const width = Number(/viewBox="0 0 (\d+) /.exec(svg)?.[1]);
  expect(dots(svg)[0]).toBeLessThan(width);
  expect(bound(svg)[0]).toBeLessThan(dots(svg)[0] ?? 0);
});

test("without a run it still is a drawing", () => {
  expect(dots(drawFailoverGap([]))).toEqual([]);
});
