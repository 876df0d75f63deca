/** The results: kept as JSON, the latest of each scenario, and rendered as a Markdown table. Pure but for the file. */
import { existsSync, readFileSync } from "node:fs";
import * as z from "zod";
import { writeAtomic } from "../../lab/hosts/files.ts";
import { areas, type Scenario } from "./scenario.ts";

export const resultSchema = z.object({
  scenario: z.string(),
  verdict: z.enum(["pass", "late", "wrong", "UNSAFE"]),
  recoveryMs: z.number().nullable(),
  boundMs: z.number(),
  /** From the key on the new host to its first accepted block; null: no change of host, or no block yet. */
  heardMs: z.number().nullable().optional(),
  overlapMs: z.number(),
  doubleSigned: z.number().int(),
  because: z.string(),
  tookMs: z.number(),
  /** ISO 8601 */
  at: z.string(),
  commit: z.string().nullable().optional(),
});
export type Result = z.infer<typeof resultSchema>;

export function readResults(file: string): Result[] {
  return existsSync(file) ? z.array(resultSchema).parse(JSON.parse(readFileSync(file, "utf8"))) : [];
}

/** Puts `result` in the place of an earlier one of the same scenario. */
export function keepResult(file: string, result: Result): Result[] {
  const all = [...readResults(file).filter(({ scenario }) => scenario !== result.scenario), result];
  writeAtomic(file, `${JSON.stringify(all, null, 2)}\n`);
  return all;
}

const seconds = (ms: number | null) => (ms === null ? "-" : `${(ms / 1000).toFixed(1)} s`);

/** One line for a terminal. */
export function resultLine({ scenario, verdict, recoveryMs, boundMs, heardMs, because }: Result): string {
  const heard = heardMs == null ? "" : `; heard ${seconds(heardMs)} after the key`;
  return `${verdict.padEnd(6)}  ${scenario.padEnd(34)}  ${seconds(recoveryMs).padStart(7)} of ${seconds(boundMs).padStart(7)}  ${because}${heard}`;
}

/** The catalogue as a table, in its own order, with the latest result of each. */
export function resultsMarkdown(catalogue: readonly Scenario[], results: readonly Result[]): string {
  const byName = new Map(results.map((result) => [result.scenario, result]));
  const run = catalogue.filter(({ name }) => byName.has(name));
  const words = Map.groupBy(run, ({ name }) => byName.get(name)?.verdict);
  const overlapMs = results.reduce((sum, result) => sum + result.overlapMs, 0);
  const twice = results.reduce((sum, result) => sum + result.doubleSigned, 0);
  const count = (["pass", "late", "wrong", "UNSAFE"] as const).map((word) => `${words.get(word)?.length ?? 0} ${word}`);
  return [
    "# Real faults: the catalogue's results",
    "",
    `Written by \`npm run nemesis\`. ${run.length} scenarios run: ${count.join(", ")}. ` +
      `Overlap ${overlapMs} ms, heights signed twice: ${twice}.`,
    "",
    "`stays`, `moves`, `either`: the validator's longest silence. `silent`, `recovers`: from healing to the next",
    "signature. The bound is computed from the lease's timing (bounds.ts). A silence of 0 is shorter than 1.5 slots.",
    "Heard: from the key on the new host to its first block in the chain; it has a bound where the old host is not dark.",
    ...areas.flatMap((area) => [
      "",
      `## ${area}`,
      "",
      "| scenario | what is done | expected | verdict | measured | bound | heard | overlap |",
      "|---|---|---|---|---:|---:|---:|---:|",
      ...catalogue
        .filter((scenario) => scenario.area === area)
        .map((scenario) => row(scenario, byName.get(scenario.name))),
    ]),
    "",
  ].join("\n");
}

function row({ name, sentence, expects, notHere }: Scenario, result: Result | undefined): string {
  const cells =
    notHere !== undefined
      ? [name, sentence, expects, `not here: ${notHere}`, "-", "-", "-", "-"]
      : result === undefined
        ? [name, sentence, expects, "not run", "-", "-", "-", "-"]
        : [
            name,
            sentence,
            expects,
            result.verdict === "pass" ? "pass" : `**${result.verdict}**: ${result.because}`,
            seconds(result.recoveryMs),
            seconds(result.boundMs),
            seconds(result.heardMs ?? null),
            `${result.overlapMs} ms`,
          ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
