/**
 * A run's timeline as an SVG: strips of five minutes, in each a band for every host with its faults, role,
 * lease, fence, key, and what the witness saw it sign. Readable in light and dark. Pure.
 */
import type { AgentRole } from "../../../contract/wire/agent-status.ts";
import { type FaultSpan, type Segment, segmentsOf, type Timeline } from "./timeline.ts";

const stripMs = 300_000;
const size = { width: 1280, left: 74, right: 14, top: 66, host: 84, axis: 22, between: 16 } as const;
/** Tops and heights within a host's band. */
const lane = {
  faults: { y: 2, h: 26 },
  role: { y: 30, h: 12 },
  lease: { y: 43, h: 10 },
  fence: { y: 54, h: 4 },
  key: { y: 59, h: 4 },
  signed: { y: 65, h: 14 },
} as const;

const style = `
  text { font: 11px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 14px; font-weight: 600; }
  .host { font-weight: 600; }
  .quiet { fill: #59636e; }
  .grid { stroke: #d1d9e0; }
  .band { fill: #f6f8fa; }
  .fault { fill: #bc4c00; fill-opacity: 0.30; stroke: #bc4c00; }
  .fault-text { font-size: 9.5px; }
  .role-active { fill: #1a7f37; }
  .role-taking { fill: #4ac26b; }
  .role-handing { fill: #8250df; }
  .role-demoting { fill: #cf222e; }
  .role-starting { fill: #9a6700; }
  .role-standby { fill: #8c959f; fill-opacity: 0.45; }
  .role-arbiter { fill: #8c959f; fill-opacity: 0.2; }
  .role-silent { fill: none; stroke: #818b98; stroke-dasharray: 2 2; }
  .lease { fill: #0969da; fill-opacity: 0.55; }
  .fence-open { fill: #1a7f37; }
  .fence-shut { fill: #cf222e; }
  .key { fill: #9a6700; }
  .block { stroke: #1f2328; stroke-width: 1.4; }
  .endorsement { stroke: #59636e; stroke-width: 0.8; }
  .overlap { fill: #ff0000; fill-opacity: 0.45; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .band { fill: #151b23; }
    .fault { fill: #db6d28; fill-opacity: 0.35; stroke: #db6d28; }
    .role-active { fill: #3fb950; }
    .role-handing { fill: #ab7df8; }
    .role-demoting, .fence-shut { fill: #f85149; }
    .role-starting, .key { fill: #d29922; }
    .lease { fill: #4493f8; }
    .fence-open { fill: #3fb950; }
    .block { stroke: #f0f6fc; }
    .endorsement { stroke: #9198a1; }
  }`;

const legend: readonly (readonly [kind: string, label: string])[] = [
  ["fault", "fault"],
  ["role-active", "active"],
  ["role-taking", "taking"],
  ["role-handing", "handing"],
  ["role-demoting", "demoting"],
  ["role-starting", "starting"],
  ["role-standby", "standby"],
  ["role-arbiter", "arbiter"],
  ["role-silent", "no answer"],
  ["lease", "lease left"],
  ["fence-open", "fence open"],
  ["fence-shut", "fence shut"],
  ["key", "key loaded"],
  ["overlap", "two signed"],
];

export function drawTimeline(timeline: Timeline): string {
  const strips = Math.max(1, Math.ceil((timeline.endMs - timeline.startMs) / stripMs));
  const stripHeight = timeline.hosts.length * size.host + size.axis + size.between;
  const height = size.top + strips * stripHeight;
  const minutes = ((timeline.endMs - timeline.startMs) / 60_000).toFixed(0);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" role="img">`,
    `<title>Random nemesis, seed ${timeline.seed}: roles, leases, fences, keys, faults and signatures of each host</title>`,
    `<style>${style}\n</style>`,
    `<text class="title" x="8" y="20">Random nemesis, seed ${timeline.seed}, ${minutes} min from ${new Date(timeline.startMs).toISOString()}</text>`,
    ...drawLegend(),
    ...Array.from({ length: strips }, (_, i) => drawStrip(timeline, i, size.top + i * stripHeight)).flat(),
    "</svg>",
  ].join("\n")}\n`;
}

function drawLegend(): string[] {
  return legend.flatMap(([kind, label], i) => {
    const x = 8 + i * 86;
    return [
      `<rect class="${kind}" x="${x}" y="32" width="12" height="10"/>`,
      `<text class="quiet" x="${x + 16}" y="41">${label}</text>`,
    ];
  });
}

interface Strip {
  readonly fromMs: number;
  readonly toMs: number;
  readonly x: (ms: number) => number;
}

function drawStrip(timeline: Timeline, index: number, top: number): string[] {
  const fromMs = timeline.startMs + index * stripMs;
  const toMs = fromMs + stripMs;
  const across = size.width - size.left - size.right;
  const strip = { fromMs, toMs, x: (ms: number) => round(size.left + ((ms - fromMs) / stripMs) * across) };
  const bottom = top + timeline.hosts.length * size.host;
  const ticks = Array.from({ length: 11 }, (_, i) => fromMs + (i * stripMs) / 10);
  return [
    ...timeline.hosts.flatMap((_, i) =>
      rect("band", { fromMs, toMs, value: null }, strip, top + i * size.host + 1, size.host - 3),
    ),
    ...ticks.flatMap((ms) => [
      `<line class="grid" x1="${strip.x(ms)}" y1="${top}" x2="${strip.x(ms)}" y2="${bottom}"/>`,
      `<text class="quiet" x="${strip.x(ms)}" y="${bottom + 14}" text-anchor="middle">${clock(ms - timeline.startMs)}</text>`,
    ]),
    ...timeline.hosts.flatMap((host, i) => drawHost(timeline, host, strip, top + i * size.host)),
    ...timeline.overlaps.flatMap((overlap) =>
      rect("overlap", { ...overlap, value: null }, strip, top, bottom - top, 3),
    ),
  ];
}

function drawHost(timeline: Timeline, host: Timeline["hosts"][number], strip: Strip, top: number): string[] {
  const { samples } = host;
  const segments = <T extends string | boolean | null>(of: (sample: (typeof samples)[number]) => T) =>
    segmentsOf(samples, timeline.endMs, of);
  const band = (kind: string, segment: Segment<unknown>, { y, h }: { y: number; h: number }) =>
    rect(kind, segment, strip, top + y, h);
  return [
    `<text class="host" x="8" y="${top + 40}">${host.name}</text>`,
    ...timeline.faults.flatMap((fault) => drawFault(fault, host.name, strip, top + lane.faults.y)),
    ...segments(({ role }) => role).flatMap((segment) => band(roleClass(segment.value), segment, lane.role)),
    ...drawLease(timeline, samples, strip, top),
    ...segments(({ fence }) => fence).flatMap((segment) =>
      segment.value === "open" || segment.value === "shut" ? band(`fence-${segment.value}`, segment, lane.fence) : [],
    ),
    ...segments(({ key }) => key).flatMap((segment) => (segment.value ? band("key", segment, lane.key) : [])),
    ...drawSignatures(host, strip, top),
  ];
}

/** Two lines, so that faults that overlap stay readable. */
function drawFault(fault: FaultSpan, host: string, strip: Strip, y: number): string[] {
  const concerns = fault.host === host || fault.peer === host;
  if (!concerns || fault.skipped !== undefined || fault.toMs < strip.fromMs || fault.fromMs >= strip.toMs) return [];
  const drawn = rect("fault", { value: null, fromMs: fault.fromMs, toMs: fault.toMs }, strip, y, lane.faults.h, 3);
  const label =
    fault.peer === undefined ? fault.kind : `${fault.kind} ${fault.peer === host ? fault.host : fault.peer}`;
  const line = Math.round(fault.fromMs / 1000) % 2 === 0 ? 10 : 21;
  const x = strip.x(Math.max(fault.fromMs, strip.fromMs)) + 3;
  return [...drawn, `<text class="fault-text" x="${x}" y="${y + line}">${label}</text>`];
}

/** A filled line: how much of the lease is left. */
function drawLease(timeline: Timeline, samples: Timeline["hosts"][number]["samples"], strip: Strip, top: number) {
  const base = top + lane.lease.y + lane.lease.h;
  const inStrip = samples.filter(({ atMs }) => atMs >= strip.fromMs && atMs < strip.toMs);
  const drawn: string[] = [];
  let points: string[] = [];
  const end = () => {
    const [first, last] = [points[0]?.split(",")[0], points.at(-1)?.split(",")[0]];
    if (points.length > 1)
      drawn.push(`<polygon class="lease" points="${first},${base} ${points.join(" ")} ${last},${base}"/>`);
    points = [];
  };
  for (const { atMs, leaseMs } of inStrip) {
    if (leaseMs === null) end();
    else
      points.push(
        `${strip.x(atMs)},${round(base - lane.lease.h * Math.min(1, Math.max(0, leaseMs) / timeline.leaseMs))}`,
      );
  }
  end();
  return drawn;
}

/** One path for all of a kind: a run of half an hour has thousands. */
function drawSignatures({ signatures }: Timeline["hosts"][number], strip: Strip, top: number): string[] {
  const base = top + lane.signed.y + lane.signed.h;
  return [true, false].flatMap((block) => {
    const tall = block ? lane.signed.h : lane.signed.h / 2;
    const ticks = signatures
      .filter((one) => one.block === block && one.atMs >= strip.fromMs && one.atMs < strip.toMs)
      .map(({ atMs }) => `M${strip.x(atMs)} ${base}v-${tall}`);
    return ticks.length === 0 ? [] : [`<path class="${block ? "block" : "endorsement"}" d="${ticks.join("")}"/>`];
  });
}

function roleClass(role: AgentRole | null): string {
  return role === null ? "role-silent" : `role-${role}`;
}

/** Cut to the strip; nothing where it lies outside. At least `leastPx` wide, so that an instant is seen. */
function rect(kind: string, { fromMs, toMs }: Segment<unknown>, strip: Strip, y: number, h: number, leastPx = 0.5) {
  if (toMs < strip.fromMs || fromMs >= strip.toMs) return [];
  const x = strip.x(Math.max(fromMs, strip.fromMs));
  const width = round(Math.max(leastPx, strip.x(Math.min(toMs, strip.toMs)) - x));
  return [`<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${h}"/>`];
}

/** Since the beginning, as minutes and seconds. */
function clock(ms: number): string {
  const s = Math.round(ms / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

const round = (pixels: number): number => Math.round(pixels * 10) / 10;
