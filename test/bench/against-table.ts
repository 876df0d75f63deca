/** Two builds side by side: what was measured, and how one stands to the other. Pure. */

import type { Paint } from "../../cli/terminal/paint.ts";
import { formatTable } from "../../cli/terminal/table.ts";
import { median } from "./statistics.ts";
import { describeRun, type Results } from "./table.ts";

/** What is done to the active host. */
export const againstKinds = ["switchover", "partition"] as const;
export type AgainstKind = (typeof againstKinds)[number];

export interface AgainstSample {
  readonly build: "this" | "other";
  readonly kind: AgainstKind;
  /** From the event to the new holder's first block in the chain. */
  readonly seconds: number;
  /** By the witness, since the cluster came up. */
  readonly overlapMs: number;
}

export interface AgainstResults extends Omit<Results, "samples" | "quick"> {
  /** The other build's commit. */
  readonly other: string | null;
  readonly samples: readonly AgainstSample[];
}

/** The bound: this build's median over the other's. */
export const ratioBound = 0.15;

const head = [
  "event",
  "runs",
  "other (median / maximum, s)",
  "this (median / maximum, s)",
  "ratio of medians",
] as const;

export interface Ratio {
  readonly kind: AgainstKind;
  readonly ratio: number;
}

/** Of each kind that both builds were measured at. */
export function ratiosOf(samples: readonly AgainstSample[]): Ratio[] {
  return againstKinds.flatMap((kind) => {
    const [mine, theirs] = (["this", "other"] as const).map((build) => secondsOf(samples, build, kind));
    return !mine?.length || !theirs?.length ? [] : [{ kind, ratio: median(mine) / median(theirs) }];
  });
}

function secondsOf(samples: readonly AgainstSample[], build: AgainstSample["build"], kind: AgainstKind): number[] {
  return samples.filter((sample) => sample.build === build && sample.kind === kind).map(({ seconds }) => seconds);
}

function rowsOf(samples: readonly AgainstSample[]): string[][] {
  return ratiosOf(samples).map(({ kind, ratio }) => {
    const shown = (["other", "this"] as const).map((build) => {
      const seconds = secondsOf(samples, build, kind);
      return `${median(seconds).toFixed(1)} / ${Math.max(...seconds).toFixed(1)}`;
    });
    const runs = secondsOf(samples, "this", kind).length;
    return [kind, String(runs), ...shown, `${ratio.toFixed(3)}${ratio > ratioBound ? " !" : ""}`];
  });
}

/** For a terminal. */
export const formatAgainst = (samples: readonly AgainstSample[], paint: Paint): string =>
  formatTable(head, rowsOf(samples), { paint, columns: undefined });

/** A section of docs/figures.md. */
export function againstMarkdown(results: AgainstResults): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    `## Beside ${results.other ?? "another build"}`,
    "",
    "From the event to the new holder's first block in the chain, both builds at the same time on one machine and the same simulated chain (`npm run bench -- --against DIRECTORY`).",
    "",
    `${describeRun({ ...results, quick: false })}.`,
    "",
    line(head),
    line(["---", "--:", "--:", "--:", "--:"]),
    ...rowsOf(results.samples).map(line),
    "",
  ];
}
