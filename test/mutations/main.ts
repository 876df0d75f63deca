/**
 * `npm run mutations`: breaks the protocol and the fence on purpose, one way at a time, each in a copy of the
 * repository, and tells which check noticed. One that goes unnoticed is a hole in the checks.
 */
import "../../contract/first.ts";
import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError } from "commander";
import { createPaint } from "../../cli/terminal/paint.ts";
import { leaveWithReader } from "../../cli/terminal/reader-left.ts";
import { Interrupted, runEntry } from "../../contract/entry.ts";
import { HoldfastError } from "../../contract/errors.ts";
import { nearestName } from "../../infra/config/nearest-name.ts";
import { mutations } from "./list.ts";
import type { Mutation } from "./mutation.ts";
import { describeOutcome, formatRun, type Row } from "./report.ts";
import { repository, withCopy } from "./tree.ts";
import { type Trying, tryBaseline, tryMutation } from "./try-mutation.ts";

const exitCodes = { allCaught: 0, notCaught: 1, usage: 2, interrupted: 130 } as const;

interface Options {
  readonly only?: string[];
  readonly list: boolean;
  readonly json: boolean;
  readonly jobs: number;
  readonly seeds: number;
  readonly hours: number;
  readonly thorough: boolean;
}

const interruption = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.on(name, () => interruption.abort(new Interrupted(`interrupted by ${name}`)));

const startedMs = performance.now();
const elapsed = () => ((performance.now() - startedMs) / 1000).toFixed(0).padStart(3);
const tell = (line: string) => console.error(`[${elapsed()} s] ${line}`);

function chosen(only: readonly string[] | undefined): readonly Mutation[] {
  if (only === undefined) return mutations;
  return only.map((name) => {
    const found = mutations.find((mutation) => mutation.name === name);
    if (found !== undefined) return found;
    const near = nearestName(
      name,
      mutations.map((mutation) => mutation.name),
    );
    throw new HoldfastError("HF_USAGE", `There is no mutation ${name}.`, {
      next: near === undefined ? "--list names all." : `Did you mean ${near}?`,
    });
  });
}

/** Several at a time, each in a copy of its own; the rows in the order of the list. */
async function tryAll(list: readonly Mutation[], jobs: number, options: Trying): Promise<Row[]> {
  const rows: Row[] = [];
  const waiting = [...list.entries()];
  let done = 0;
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [place, mutation] = next;
      const row = { outcome: await tryMutation(mutation, options), simulation: mutation.caughtBy.simulation };
      rows[place] = row;
      done += 1;
      tell(`${String(done).padStart(2)}/${list.length} ${describeOutcome(row)}`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return rows;
}

async function run(options: Options): Promise<number> {
  const list = chosen(options.only);
  if (options.list) {
    console.log(options.json ? JSON.stringify(list, null, 2) : list.map((m) => `${m.name}\n  ${m.breaks}`).join("\n"));
    return exitCodes.allCaught;
  }
  return await withCopy(repository, (source) => runOn(source, list, options));
}

async function runOn(source: string, list: readonly Mutation[], options: Options): Promise<number> {
  const { seeds, hours, thorough } = options;
  const trying: Trying = { source, budget: { seeds, hours }, thorough, signal: interruption.signal };
  tell("first without any mutation: every check must be clean");
  const faults = await tryBaseline(list, trying);
  if (faults.length > 0) {
    if (options.json) console.log(JSON.stringify({ baseline: faults, mutations: [] }, null, 2));
    throw new HoldfastError(
      "HF_REFUSED",
      `The checks find faults where nothing was broken; mend those first:\n  ${faults.join("\n  ")}`,
    );
  }
  const rows = await tryAll(list, options.jobs, trying);
  if (options.json)
    console.log(JSON.stringify({ baseline: [], mutations: rows.map(({ outcome }) => outcome) }, null, 2));
  else {
    const paint = createPaint(process.stdout.isTTY && !process.env.NO_COLOR);
    const columns = process.stdout.isTTY ? process.stdout.columns : undefined;
    console.log(`\n${formatRun(rows, { paint, columns })}`);
  }
  return rows.every(({ outcome }) => outcome.caught) ? exitCodes.allCaught : exitCodes.notCaught;
}

function above0(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("Give a number above 0.");
  return value;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("Give a whole number above 0.");
  return value;
}

const program = new Command("mutations")
  .description("Breaks the protocol on purpose and shows which seed of the simulation or which unit test notices.")
  .option("--only <name...>", "these mutations alone")
  .option("--list", "name the mutations and what each breaks, and run nothing", false)
  .option("--json", "print the outcome as JSON; what happens meanwhile goes to the error output in any case", false)
  .option("--jobs <count>", "how many to try at the same time", count, Math.min(2, availableParallelism()))
  .option("--seeds <count>", "how many seeds of the simulation may be tried for one mutation", count, 60)
  .option("--hours <hours>", "simulated hours for one seed", above0, 0.5)
  .option("--thorough", "run the simulation for those too that only a unit test is expected to catch", false)
  .addHelpText(
    "after",
    `
Exit codes:
  0    every mutation was caught by each check that is expected to catch it
  1    one was not caught, or the checks are not clean without any mutation
  2    wrong use of the command line
  130  ended by Ctrl-C before it was done`,
  )
  .exitOverride()
  .action(async (options: Options) => {
    process.exitCode = await run(options);
  });

leaveWithReader();
await runEntry("mutations", () => program.parseAsync(), { lead: "mutations: ", interrupted: interruption.signal });
