/** What a run of the mutations tells: one line each while it runs, a table at its end. Pure. */
import type { Paint } from "../../cli/terminal/paint.ts";
import { formatTable } from "../../cli/terminal/table.ts";
import type { Verdict } from "./checks.ts";
import type { Outcome } from "./try-mutation.ts";

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function cell(verdict: Verdict | null, expected: boolean): string {
  if (verdict === null) return "-";
  const what = verdict.failed === null ? verdict.by : `no verdict: ${verdict.failed.split("\n")[0]}`;
  return `${expected && !verdict.caught ? "NOT CAUGHT: " : ""}${what} (${seconds(verdict.ms)})`;
}

/** `simulation` says whether the simulation was expected to catch it. */
export interface Row {
  readonly outcome: Outcome;
  readonly simulation: boolean;
}

/** For the error output, as soon as it is known. */
export function describeOutcome({ outcome, simulation }: Row): string {
  const verdicts = [cell(outcome.simulation, simulation), cell(outcome.tests, true)].filter((text) => text !== "-");
  return `${outcome.caught ? "caught" : "NOT CAUGHT"}  ${outcome.name}: ${verdicts.join("; ")}`;
}

/**
 * The whole run: mutation, simulation, tests; those that were not caught come again at the end, with what they break.
 * @param columns the terminal's width; undefined on a pipe
 */
export function formatRun(rows: readonly Row[], options: { paint: Paint; columns: number | undefined }): string {
  const table = formatTable(
    ["mutation", "simulation", "unit tests"],
    rows.map(({ outcome, simulation }) => [
      outcome.caught ? outcome.name : options.paint.red(outcome.name),
      cell(outcome.simulation, simulation),
      cell(outcome.tests, true),
    ]),
    options,
  );
  const missed = rows.filter(({ outcome }) => !outcome.caught).map(({ outcome }) => outcome);
  const sum =
    missed.length === 0
      ? `All ${rows.length} mutations were caught.`
      : [
          `${missed.length} of ${rows.length} mutations were NOT caught:`,
          ...missed.map(({ name, breaks }) => `  ${name}: ${breaks}`),
        ].join("\n");
  return `${table}\n\n${sum}`;
}
