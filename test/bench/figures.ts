/**
 * Every figure that the bench measures: what it means, in which unit, what we aim at, and what kneard, the
 * system that holdfast replaces, was measured at. Pure.
 */
import * as z from "zod";

export const figureNames = [
  "poweroff",
  "kill-neard",
  "partition",
  "partition-overlap",
  "switchover",
  "switchover-took",
  "poweroff-heard",
  "kill-neard-heard",
  "partition-heard",
  "switchover-heard",
  "overlap",
  "double-signed",
  "localnet",
  "up",
  "preview-and-up",
  "preview",
  "memory-holder",
  "memory-standby",
  "cpu-holder",
  "cpu-standby",
] as const;
export type FigureName = (typeof figureNames)[number];

/** One measured value. The process that measures writes each as a line of JSON on stdout. */
export const sampleSchema = z.object({ figure: z.enum(figureNames), value: z.number() });
export type Sample = z.infer<typeof sampleSchema>;

export interface Figure {
  readonly title: string;
  readonly unit: "s" | "MB" | "% of a core" | "heights";
  /** Decimals shown. */
  readonly digits: number;
  /** No value should be above this. null: only reported. */
  readonly target: number | null;
  /** kneard's minimum (where it is known), median and maximum, in the same unit. */
  readonly kneard: { readonly minimum?: number; readonly median: number; readonly maximum: number } | null;
}

/** The bound on the silence after the loss of the active host, in seconds. */
export const failoverBoundS = 10;

const silence = (title: string, kneard: Figure["kneard"]): Figure => ({
  title: `${title}: silence until the standby signs`,
  unit: "s",
  digits: 1,
  target: failoverBoundS,
  kneard,
});
const never = (title: string, unit: Figure["unit"], kneard: Figure["kneard"] = null): Figure => ({
  title,
  unit,
  digits: unit === "heights" ? 0 : 3,
  target: 0,
  kneard,
});
/** What counts in the end. Its turns come by chance: a quarter of the slots, so 2.4 s apart on average. */
const heard = (title: string, target: number): Figure =>
  seconds(`${title}: from the event to the new holder's first block in the chain`, target);
const seconds = (title: string, target: number | null, digits = 1): Figure => ({
  title,
  unit: "s",
  digits,
  target,
  kneard: null,
});
const memory = (title: string): Figure => ({ title, unit: "MB", digits: 0, target: 90, kneard: null });
const cpu = (title: string): Figure => ({ title, unit: "% of a core", digits: 2, target: 1, kneard: null });

export const figures: Readonly<Record<FigureName, Figure>> = {
  poweroff: silence("active host loses power", { minimum: 10.2, median: 10.6, maximum: 12.8 }),
  "kill-neard": silence("neard is killed", { minimum: 5.7, median: 5.8, maximum: 5.9 }),
  partition: silence("active host is cut off, chain reachable", null),
  "partition-overlap": never("active host is cut off, chain reachable: both sign for", "s", {
    minimum: 5.3,
    median: 7.7,
    maximum: 13.0,
  }),
  // A second without the key, seen through signatures that come one slot of 0.6 s apart.
  switchover: {
    ...seconds("switchover: from the last signature to the next", 1 + 2 * 0.6),
    kneard: { minimum: 8.2, median: 8.5, maximum: 8.9 },
  },
  "switchover-took": seconds("switchover: the new holder's own clock", null, 2),
  "poweroff-heard": heard("active host loses power", 12),
  "kill-neard-heard": heard("neard is killed", 10),
  "partition-heard": heard("active host is cut off, chain reachable", 15),
  "switchover-heard": heard("switchover", 10),
  overlap: never("all of the above: two hosts sign for", "s"),
  "double-signed": never("all of the above: heights signed twice", "heights"),
  localnet: seconds("npm run localnet from a removed cluster, tools present", 60),
  up: seconds("pulumi up with nothing to change, --skip-preview", 5),
  "preview-and-up": seconds("pulumi up with nothing to change, its own preview before it", 5),
  preview: seconds("pulumi preview", 5),
  "memory-holder": memory("memory of holdfastd on the holder"),
  "memory-standby": memory("memory of holdfastd on the standby"),
  "cpu-holder": cpu("CPU of holdfastd on the holder, nothing happening"),
  "cpu-standby": cpu("CPU of holdfastd on the standby, nothing happening"),
};

/** What a reader must know to compare. */
export const conditions: readonly string[] = [
  "Silences and overlaps are the witness's: what arrived at the chain, not what a host says of itself. Signatures come every 0.6 s, so a silence is between the last signature of one host and the first of the next, and 0.6 s of it are there in normal life too.",
  'A block is in the chain if the others approved it in time. They keep one connection per validator key, and one that the old holder left half open costs minutes (lab/README.md, "Who is heard"). kneard was measured on a chain that did not know this.',
  "kneard 0.3.0 as measured on 2026-11-20, on two shared x86-64 cores with the same Consul (1.20.6, raft_multiplier 1) and kneard's own timing defaults, 3 to 6 runs each, with a neard that stops at once and takes 2 s to begin as a validator. A real neard takes tens of seconds to minutes; with 60 s, kneard's 10.6 s become 68.9 s and its 8.5 s about 66.5 s. holdfast loads the key into a running neard, so that start is not part of its figures. Beside its cut-off row stands kneard cut off from Consul, its planned restart beside the switchover.",
  "Memory is VmRSS; CPU is the unit's accounting (CPUUsageNSec) over the time in which nothing happens.",
];

export const valuesOf = (samples: readonly Sample[], figure: FigureName): number[] =>
  samples.filter((sample) => sample.figure === figure).map((sample) => sample.value);

/** Values that break the promise `one-signer`. */
export const breaches = (samples: readonly Sample[]): Sample[] =>
  samples.filter(({ figure, value }) => (figure === "overlap" || figure === "double-signed") && value > 0);
