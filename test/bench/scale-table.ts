/** What size and the cloud cost: what was measured, and how one stands to the other. Pure. */

import type { Paint } from "../../cli/terminal/paint.ts";
import { formatTable } from "../../cli/terminal/table.ts";
import { median } from "./statistics.ts";
import { describeRun, type Results } from "./table.ts";

export type ScaleKind = "preview" | "up" | "up-shared" | "no-change";

/**
 * Of a core, for each host: what a host does itself, 13 s of a core, takes it as long in either cluster then, as it does on machines of
 * their own (docs/decisions/0026-the-same-hosts-in-either-cluster.md). Nine of them leave a third of two cores for Pulumi.
 */
export const hostShare = 0.15;

/**
 * Pairs that are measured in turn, the second by its ratio to the first (issue 12 has the bounds). Without a bound: what says
 * more of this machine than of holdfast.
 */
export const scaleKinds: Readonly<Record<ScaleKind, { readonly title: string; readonly bound: number | null }>> = {
  preview: { title: "first `pulumi preview`, 30 hosts beside 3, of the same kinds", bound: 2 },
  up: { title: `first \`pulumi up\`, 9 hosts beside 3, each with ${hostShare} of a core`, bound: 2 },
  "up-shared": { title: "the same, all hosts of a cluster together on all cores of this machine", bound: null },
  "no-change": { title: "`pulumi up` with nothing to change, 3 hosts from the cloud beside 3 that exist", bound: 1.3 },
};

export interface ScaleSample {
  readonly kind: ScaleKind;
  readonly which: "base" | "other";
  readonly seconds: number;
}

export interface ScaleResults extends Omit<Results, "samples" | "quick"> {
  readonly samples: readonly ScaleSample[];
}

export interface ScaleRatio {
  readonly kind: ScaleKind;
  readonly runs: number;
  readonly base: readonly number[];
  readonly other: readonly number[];
  /** Of the medians. */
  readonly ratio: number;
  readonly isAbove: boolean;
}

/** Of each kind of which both were measured. */
export function scaleRatios(samples: readonly ScaleSample[]): ScaleRatio[] {
  return (Object.keys(scaleKinds) as ScaleKind[]).flatMap((kind) => {
    const of = (which: ScaleSample["which"]) =>
      samples.filter((sample) => sample.kind === kind && sample.which === which).map(({ seconds }) => seconds);
    const [base, other] = [of("base"), of("other")];
    if (base.length === 0 || other.length === 0) return [];
    const ratio = median(other) / median(base);
    const isAbove = ratio > (scaleKinds[kind].bound ?? Number.POSITIVE_INFINITY);
    return [{ kind, runs: other.length, base, other, ratio, isAbove }];
  });
}

const head = ["what", "runs", "base (median / maximum, s)", "other (median / maximum, s)", "ratio", "bound"] as const;

function rowsOf(samples: readonly ScaleSample[]): string[][] {
  const shown = (values: readonly number[]) => `${median(values).toFixed(1)} / ${Math.max(...values).toFixed(1)}`;
  return scaleRatios(samples).map(({ kind, runs, base, other, ratio, isAbove }) => {
    const { title, bound } = scaleKinds[kind];
    return [
      title,
      String(runs),
      shown(base),
      shown(other),
      `${ratio.toFixed(2)}${isAbove ? " !" : ""}`,
      bound === null ? "" : `≤ ${bound}`,
    ];
  });
}

/** For a terminal. */
export const formatScale = (samples: readonly ScaleSample[], paint: Paint): string =>
  formatTable(head, rowsOf(samples), { paint, columns: undefined });

/** A section of docs/figures.md. */
export function scaleMarkdown(results: ScaleResults): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    "## Size, and hosts from the cloud",
    "",
    "Each pair in turn on one machine (`npm run bench -- --scale`). What hosts do by themselves (unpacking, systemd, Consul, the agents) they do side by side where each has a machine. Here all share this machine's cores, and that work alone fills two of them; so the bound is for hosts that have the same part of a core in either cluster. What it is without, stands below.",
    "",
    `${describeRun({ ...results, quick: false })}.`,
    "",
    line(head),
    line(["---", "--:", "--:", "--:", "--:", "--:"]),
    ...rowsOf(results.samples).map(line),
    "",
  ];
}
