import { expect, test } from "vitest";
import { drawTimeline } from "./drawing.ts";
import { type Sample, segmentsOf, type Timeline } from "./timeline.ts";

const t0 = Date.UTC(2026, 0, 1);
const sample = (s: number, more: Partial<Sample> = {}): Sample => ({
  atMs: t0 + s * 1000,
  role: "standby",
  epoch: 1,
  leaseMs: null,
  fence: "off",
  key: false,
  ...more,
});
const holding = { role: "active", leaseMs: 6000, fence: "open", key: true } as const;
const timeline = (more: Partial<Timeline> = {}): Timeline => ({
  seed: 7,
  startMs: t0,
  endMs: t0 + 400_000,
  leaseMs: 6500,
  hosts: [
    {
      name: "host-a",
      samples: [sample(0, holding), sample(1, holding), sample(30, { role: null, fence: null })],
      signatures: [
        { atMs: t0 + 600, height: 1, block: true },
        { atMs: t0 + 1200, height: 2, block: false },
        { atMs: t0 + 310_000, height: 3, block: true },
      ],
    },
    { name: "host-b", samples: [sample(0)], signatures: [] },
  ],
  faults: [{ kind: "poweroff", host: "host-a", fromMs: t0 + 30_000, toMs: t0 + 50_000 }],
  overlaps: [],
  ...more,
});
const count = (svg: string, pattern: RegExp) => [...svg.matchAll(pattern)].length;

test("neighbours of one value become one segment, up to the end", () => {
  const segments = segmentsOf([sample(0), sample(1), sample(2, { role: "active" })], t0 + 5000, ({ role }) => role);
  expect(segments).toEqual([
    { value: "standby", fromMs: t0, toMs: t0 + 2000 },
    { value: "active", fromMs: t0 + 2000, toMs: t0 + 5000 },
  ]);
});

test("each host has a band in every strip of five minutes, and what happened is in its strip", () => {
  const svg = drawTimeline(timeline());
  expect(count(svg, /class="band"/g)).toBe(4);
  expect(count(svg, /class="block"/g)).toBe(2);
  expect(count(svg, /class="endorsement"/g)).toBe(1);
  expect(count(svg, /<rect class="fault" x="(?!8")/g)).toBe(1);
  expect(svg).toContain(">poweroff</text>");
});

test("role, lease, fence and key of the holder are drawn, a silent agent is seen as such", () => {
  const svg = drawTimeline(timeline());
  const drawn = svg.slice(svg.indexOf('class="band"'));
  for (const kind of ["role-active", "fence-open", "key", "role-silent", "role-standby"])
    expect(drawn, kind).toContain(`class="${kind}"`);
  expect(count(drawn, /<polygon class="lease"/g)).toBe(1);
  expect(drawn).not.toContain('class="fence-shut"');
});

test("a fault between two is drawn at both, one that did not take place at none", () => {
  const pair = { kind: "partition-pair", host: "host-a", peer: "host-b", fromMs: t0, toMs: t0 + 1000 };
  const faults = (svg: string) => count(svg.slice(svg.indexOf('class="band"')), /<rect class="fault"/g);
  expect(faults(drawTimeline(timeline({ faults: [pair] })))).toBe(2);
  expect(faults(drawTimeline(timeline({ faults: [{ ...pair, skipped: "host-a is off" }] })))).toBe(0);
});

test("an overlap, however short, is three pixels wide at least", () => {
  const svg = drawTimeline(timeline({ overlaps: [{ fromMs: t0 + 5000, toMs: t0 + 5001 }] }));
  const width = /<rect class="overlap" x="(?!1126)[\d.]+" y="\d+" width="([\d.]+)" height="168"/.exec(svg)?.[1];
  expect(Number(width)).toBeGreaterThanOrEqual(3);
});

test("without a sample it still is a drawing, for light and dark", () => {
  const svg = drawTimeline(timeline({ hosts: [], faults: [] }));
  expect(svg).toContain("prefers-color-scheme: dark");
});
