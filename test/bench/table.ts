/** The figures as rows, for a terminal and for docs/figures.md. Pure. */

import type { Paint } from "../../cli/terminal/paint.ts";
import { formatTable } from "../../cli/terminal/table.ts";
import { conditions, type Figure, figureNames, figures, type Sample, valuesOf } from "./figures.ts";
import type { Machine } from "./machine.ts";
import { type Summary, summarize } from "./statistics.ts";

export interface Results {
  /** ISO 8601. */
  readonly date: string;
  /** Abbreviated, with `+` when the tree had changes; null outside a git checkout. */
  readonly commit: string | null;
  readonly quick: boolean;
  readonly machine: Machine;
  /** In the order in which they were measured. */
  readonly samples: readonly Sample[];
}

const head = ["figure", "runs", "median", "maximum", "target", "kneard (median / maximum)"] as const;

interface Row {
  readonly cells: readonly string[];
  readonly missed: boolean;
}

function rowOf(figure: Figure, { runs, median, maximum }: Summary): Row {
  const show = (value: number) => (value === 0 ? "0" : value.toFixed(figure.digits));
  const { target, kneard } = figure;
  const missed = target !== null && maximum > target;
  const bound = target === null ? "" : target === 0 ? "0" : `≤ ${Number(target.toFixed(1))}`;
  return {
    cells: [
      `${figure.title} (${figure.unit})`,
      String(runs),
      show(median),
      missed ? `${show(maximum)} !` : show(maximum),
      bound,
      kneard === null ? "" : `${kneard.median.toFixed(1)} / ${kneard.maximum.toFixed(1)}`,
    ],
    missed,
  };
}

/** One row for every figure that was measured. A maximum above its target is marked with `!`. */
function rowsOf(samples: readonly Sample[]): Row[] {
  return figureNames.flatMap((name) => {
    const summary = summarize(valuesOf(samples, name));
    return summary === null ? [] : [rowOf(figures[name], summary)];
  });
}

export function describeRun({ date, commit, quick, machine }: Omit<Results, "samples">): string {
  const { cpu, cores, memoryGiB, kernel, load } = machine;
  return [
    `${date.slice(0, 16).replace("T", " ")} UTC${quick ? ", a quick run" : ""}`,
    commit === null ? [] : `commit ${commit}`,
    `${cpu}, ${cores} cores, ${memoryGiB} GiB`,
    `Linux ${kernel}`,
    `load average at the start ${load.map((value) => value.toFixed(2)).join(", ")}`,
  ]
    .flat()
    .join(" · ");
}

/** For a terminal. */
export function formatFigures(samples: readonly Sample[], paint: Paint): string {
  const rows = rowsOf(samples).map(({ cells, missed }) => (missed ? cells.map(paint.red) : cells));
  return formatTable(head, rows, { paint, columns: undefined });
}

/**
 * docs/figures.md.
 * @param drawing path of the SVG, from there
 * @param more lines of further sections
 */
export function formatMarkdown(results: Results, drawing: string, more: readonly string[] = []): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return `${[
    "# Figures",
    "",
    "Written by `npm run bench`; do not edit.",
    "",
    `${describeRun(results)}.`,
    "",
    line(head),
    line(["---", "--:", "--:", "--:", "--:", "--:"]),
    ...rowsOf(results.samples).map(({ cells }) => line(cells)),
    "",
    "`!` marks a maximum above its target.",
    "",
    `![Silence of the validator after each kind of fault, a dot for every run](${drawing})`,
    "",
    ...conditions.map((condition) => `* ${condition}`),
    ...(more.length === 0 ? [] : ["", ...more.slice(0, -1)]),
  ].join("\n")}\n`;
}
