/** The two checks, run on a copy of the tree: seeds of the simulation, and unit tests. */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { execa } from "execa";
import * as z from "zod";

/** What hunt.ts prints; null: no seed found anything. */
const huntSchema = z.object({ seed: z.number(), violation: z.string() }).nullable();
export type HuntResult = z.infer<typeof huntSchema>;

/** What a check said of a tree. Unknown is not caught: `failed` says why there is no verdict. */
export interface Verdict {
  readonly caught: boolean;
  /** The seed with its violation, or the test's file and name; else what was tried. */
  readonly by: string;
  /** Wall time until it was known. */
  readonly ms: number;
  /** The check could not be run; null: it could. */
  readonly failed: string | null;
}

export interface Budget {
  /** Seeds 1 to this are tried. */
  readonly seeds: number;
  /** Simulated hours for each. */
  readonly hours: number;
}

/** A mutant that hangs is told apart from one that is caught: whoever waits for it would not know why. */
const limitMs = 300_000;

/** Runs a program of the copied tree, named by its path in there. */
async function node(root: string, [program = "", ...args]: readonly string[], signal: AbortSignal) {
  const run = await execa(process.execPath, [join(root, program), ...args], {
    cwd: root,
    stdin: "ignore",
    reject: false,
    timeout: limitMs,
    cancelSignal: signal,
  });
  signal.throwIfAborted();
  return run;
}

async function timed(work: () => Promise<Omit<Verdict, "ms">>): Promise<Verdict> {
  const startedMs = performance.now();
  const verdict = await work();
  return { ...verdict, ms: Math.round(performance.now() - startedMs) };
}

export async function trySimulation(root: string, budget: Budget, signal: AbortSignal): Promise<Verdict> {
  return await timed(async () => {
    const run = await node(root, ["test/mutations/hunt.ts", String(budget.seeds), String(budget.hours)], signal);
    if (run.exitCode !== 0) return { caught: false, by: "no verdict", failed: reasonOf(run) };
    const found = huntSchema.parse(JSON.parse(run.stdout));
    if (found !== null) return { caught: true, by: `seed ${found.seed}: ${found.violation}`, failed: null };
    return { caught: false, by: `no seed up to ${budget.seeds}`, failed: null };
  });
}

const reportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ status: z.string(), fullName: z.string() })),
    }),
  ),
});

/** Ends at the first test that fails. A file that cannot even be loaded is no verdict: no test looked at anything. */
export async function tryTests(root: string, files: readonly string[], signal: AbortSignal): Promise<Verdict> {
  return await timed(async () => {
    const outcome = join(root, "outcome.json");
    const reporters = ["--reporter=json", `--outputFile.json=${outcome}`];
    // One process, for several mutations are tried at the same time.
    const args = ["run", "--project=unit", "--bail=1", "--maxWorkers=1", ...reporters, ...files];
    const run = await node(root, ["node_modules/vitest/vitest.mjs", ...args], signal);
    if (run.timedOut) return { caught: false, by: "no verdict", failed: reasonOf(run) };
    return verdictFrom(readFileSync(outcome, "utf8"), root);
  });
}

/** From vitest's report in JSON. */
export function verdictFrom(report: string, root: string): Omit<Verdict, "ms"> {
  const { testResults } = reportSchema.parse(JSON.parse(report));
  const count = testResults.flatMap((file) => file.assertionResults).filter((test) => test.status === "passed").length;
  for (const file of testResults) {
    const test = file.assertionResults.find(({ status }) => status === "failed");
    // A temporary folder may be reached by a symbolic link.
    const name = file.name.includes(root) ? file.name.slice(file.name.indexOf(root) + root.length + 1) : file.name;
    if (test !== undefined) return { caught: true, by: `${relative(".", name)}: ${test.fullName}`, failed: null };
  }
  const broken = testResults.find((file) => file.assertionResults.length === 0);
  if (broken !== undefined)
    return { caught: false, by: "no verdict", failed: `${broken.name} has no test: ${broken.message ?? ""}`.trim() };
  if (count === 0) return { caught: false, by: "no verdict", failed: "no test was run" };
  return { caught: false, by: `none of ${count} tests`, failed: null };
}

function reasonOf(run: { timedOut: boolean; exitCode?: number | undefined; stderr?: unknown }): string {
  if (run.timedOut) return `it did not end within ${limitMs / 1000} s`;
  const last = String(run.stderr ?? "")
    .trim()
    .split("\n")
    .slice(-8)
    .join("\n");
  return `it ended with ${run.exitCode}: ${last}`;
}
