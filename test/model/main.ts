/**
 * `npm run model`: TLC on the model of the lease. The protocol must hold, what must be possible must be possible, and
 * every variant with a rule left out must be refuted. Ends with a table, and with 1 when anything came out otherwise.
 */
import "../../contract/first.ts";
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { execa } from "execa";
import { createPaint } from "../../cli/terminal/paint.ts";
import { leaveWithReader } from "../../cli/terminal/reader-left.ts";
import { formatTable } from "../../cli/terminal/table.ts";
import { runEntry } from "../../contract/entry.ts";
import { HoldfastError } from "../../contract/errors.ts";
import { withLock } from "../../toolchain/cache.ts";
import { configurationOf, type Outcome, outcomeOf, type Run, runs } from "./runs.ts";
import { ensureTlc } from "./tlc.ts";

const results = join(import.meta.dirname, "../../.localnet/model");
const heapMiB = 3072;

interface Result extends Outcome {
  readonly run: Run;
  readonly seconds: number;
  readonly directory: string;
  readonly output: string;
}

async function check(jar: string, run: Run): Promise<Result> {
  const directory = join(results, run.name.replaceAll(/\W+/g, "-"));
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await copyFile(join(import.meta.dirname, "Lease.tla"), join(directory, "Lease.tla"));
  await writeFile(join(directory, "Lease.cfg"), configurationOf(run));
  const java = ["-XX:+UseParallelGC", `-Xmx${heapMiB}m`, "-cp", jar, "tlc2.TLC"];
  const tlc = ["-workers", String(availableParallelism()), "-fp", "0", "-seed", "1", "-metadir", "states", "Lease.tla"];
  const startedMs = performance.now();
  const { all: output } = await execa("java", [...java, ...tlc], { cwd: directory, all: true, reject: false });
  const seconds = (performance.now() - startedMs) / 1000;
  await rm(join(directory, "states"), { recursive: true, force: true });
  await writeFile(join(directory, "tlc.log"), output);
  return { run, seconds, directory, output, ...outcomeOf(output, run.checks) };
}

function report(done: readonly Result[]): string {
  const paint = createPaint(process.stdout.isTTY);
  const rows = done.map(({ run, verdict, states, steps, seconds }) => [
    run.name,
    run.expect,
    verdict === run.expect ? verdict : paint.red(`${verdict} !`),
    String(states),
    verdict === "refuted" ? String(steps) : "",
    seconds.toFixed(1),
  ]);
  return formatTable(["run", "expected", "result", "states", "trace", "seconds"], rows, { paint, columns: undefined });
}

const program = new Command("model")
  .description("Checks the TLA+ model of the lease with TLC: what must hold, what must be possible, what must fail.")
  .argument("[word]", "only the runs that have this in their name, with their traces", "")
  .helpOption("-h, --help", "display help")
  .exitOverride();

leaveWithReader();
await runEntry("model", async () => {
  program.parse();
  const word = program.args[0] ?? "";
  const chosen = runs.filter((run) => run.name.includes(word));
  if (chosen.length === 0)
    throw new HoldfastError("HF_USAGE", `No run has "${word}" in its name.`, {
      next: `There are: ${runs.map((run) => run.name).join("; ")}.`,
    });
  const jar = await ensureTlc();
  const done: Result[] = [];
  for (const run of chosen) {
    // One at a time: two commands at once would write into each other's directories.
    const result = await withLock("model", () => check(jar, run));
    done.push(result);
    console.log(`${result.seconds.toFixed(1).padStart(6)} s  ${run.name}: ${result.verdict}`);
    if (word !== "") console.log(result.output);
  }
  console.log(`\n${report(done)}`);
  const wrong = done.filter(({ run, verdict }) => verdict !== run.expect);
  for (const { run, directory } of wrong) console.log(`${run.name}: see ${join(directory, "tlc.log")}`);
  console.log(`\n${done.length - wrong.length} passed, ${wrong.length} failed`);
  return wrong.length === 0 ? 0 : 1;
});
