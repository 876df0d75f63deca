/**
 * The distribution of the failover gap as an SVG: a strip for every kind of fault, a dot for every run, a
 * line at the median, kneard's range behind it, and the bound of ten seconds. Pure.
 */
import { type FigureName, failoverBoundS, figures, type Sample, valuesOf } from "./figures.ts";
import { median } from "./statistics.ts";

const strips: readonly (readonly [FigureName, string])[] = [
  ["poweroff", "power lost"],
  ["kill-neard", "neard killed"],
  ["partition", "cut off"],
];

const size = { width: 720, left: 110, right: 24, top: 46, strip: 64, bottom: 44 } as const;

/** Dots of one strip lie on five lines, by turns, so that equal values stay apart. */
const spread = [0, -10, 10, -20, 20] as const;

const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .quiet { fill: #59636e; }
  .grid { stroke: #d1d9e0; }
  .bound { stroke: #cf222e; stroke-dasharray: 5 4; stroke-width: 1.5; }
  .bound-text { fill: #cf222e; }
  .dot { fill: #0969da; fill-opacity: 0.65; }
  .median { stroke: #0969da; stroke-width: 3; }
  .kneard { fill: #818b98; fill-opacity: 0.22; }
  .kneard-median { stroke: #818b98; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .bound { stroke: #f85149; }
    .bound-text { fill: #f85149; }
    .dot { fill: #4493f8; }
    .median { stroke: #4493f8; }
  }`;

/** Strips without runs are left out. The axis begins at 0 and ends beyond the bound and the largest value. */
export function drawFailoverGap(samples: readonly Sample[]): string {
  const drawn = strips
    .map(([name, label]) => ({ name, label, values: valuesOf(samples, name) }))
    .filter(({ values }) => values.length > 0);
  const largest = Math.max(failoverBoundS, ...drawn.flatMap(({ name, values }) => [...values, kneardMaximum(name)]));
  const endS = 2 * Math.floor(largest / 2) + 2;
  const x = (s: number) => round(size.left + (s / endS) * (size.width - size.left - size.right));
  const bottom = size.top + drawn.length * size.strip;
  const ticks = Array.from({ length: endS / 2 + 1 }, (_, i) => 2 * i);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${bottom + size.bottom}" role="img">`,
    "<title>Silence of the validator until the standby signs, in seconds, by kind of fault</title>",
    `<style>${style}\n</style>`,
    ...ticks.flatMap((s) => [
      `<line class="grid" x1="${x(s)}" y1="${size.top}" x2="${x(s)}" y2="${bottom}"/>`,
      `<text class="quiet" x="${x(s)}" y="${bottom + 18}" text-anchor="middle">${s} s</text>`,
    ]),
    ...drawn.flatMap(({ name, label, values }, i) => strip(name, label, values, size.top + (i + 0.5) * size.strip, x)),
    `<line class="bound" x1="${x(failoverBoundS)}" y1="${size.top - 8}" x2="${x(failoverBoundS)}" y2="${bottom}"/>`,
    `<text class="bound-text" x="${x(failoverBoundS)}" y="${size.top - 14}" text-anchor="middle">promised: ${failoverBoundS} s</text>`,
    `<text class="quiet" x="${size.left}" y="${bottom + 38}">dot: one run · line: median · grey: kneard, from minimum to maximum</text>`,
    "</svg>",
  ].join("\n")}\n`;
}

function strip(name: FigureName, label: string, values: readonly number[], y: number, x: (s: number) => number) {
  const { kneard } = figures[name];
  const middle = median(values);
  const tall = size.strip / 2 - 6;
  const upright = (kind: string, s: number) =>
    `<line class="${kind}" x1="${x(s)}" y1="${y - tall}" x2="${x(s)}" y2="${y + tall}"/>`;
  const from = kneard?.minimum ?? kneard?.median;
  return [
    `<text x="${size.left - 12}" y="${y}" text-anchor="end">${label}</text>`,
    `<text class="quiet" x="${size.left - 12}" y="${y + 16}" text-anchor="end">${middle.toFixed(1)} s</text>`,
    ...(kneard === null || from === undefined
      ? []
      : [
          `<rect class="kneard" x="${x(from)}" y="${y - tall}" width="${round(x(kneard.maximum) - x(from))}" height="${2 * tall}"/>`,
          upright("kneard-median", kneard.median),
        ]),
    ...values.map((s, i) => `<circle class="dot" cx="${x(s)}" cy="${y + (spread[i % spread.length] ?? 0)}" r="4"/>`),
    upright("median", middle),
  ];
}

const kneardMaximum = (name: FigureName): number => figures[name].kneard?.maximum ?? 0;

const round = (pixels: number): number => Math.round(pixels * 10) / 10;
