/**
 * `npm run bench`: measures what holdfast promises, on a cluster of its own on this machine, and removes it
 * again. Prints the figures beside their targets and kneard's; writes docs/figures.md, and results/ beside
 * this file. A quick run writes to .localnet/quick-bench instead: it proves that the bench works, not how well
 * holdfast does; one with a real neard writes to .localnet/neard-bench. Exit code 1: a run failed, or two hosts signed at once.
 */
import "../../contract/first.ts";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { type Options as ExecaOptions, execa } from "execa";
import { createPaint, type Paint } from "../../cli/terminal/paint.ts";
import { leaveWithReader } from "../../cli/terminal/reader-left.ts";
import { Interrupted, runEntry } from "../../contract/entry.ts";
import { HoldfastError } from "../../contract/errors.ts";
import { ensureImage } from "../../lab/hosts/image.ts";
import { requireRoot } from "../../lab/hosts/machine.ts";
import { inspectNeard } from "../../lab/real/binary.ts";
import { neardOption, neardVariable } from "../../lab/real/option.ts";
import { ensureTools } from "../../toolchain/tools.ts";
import { commitNow } from "../commit.ts";
import { measureAgainst, requireCheckout } from "./against.ts";
import { type AgainstResults, againstMarkdown, formatAgainst, ratioBound, ratiosOf } from "./against-table.ts";
import { type Amounts, amountsFor } from "./amounts.ts";
import { drawFailoverGap } from "./drawing.ts";
import { breaches, conditions, type Sample, sampleSchema } from "./figures.ts";
import { readMachine } from "./machine.ts";
import { measureScale } from "./scale.ts";
import { formatScale, type ScaleResults, scaleKinds, scaleMarkdown, scaleRatios } from "./scale-table.ts";
import { describeRun, formatFigures, formatMarkdown, type Results } from "./table.ts";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const labName = "bench";
const tell = (line: string) => console.error(line);

interface Options {
  readonly quick: boolean;
  readonly runs?: number;
  readonly keep: boolean;
  readonly neard?: string;
  readonly against?: string;
  readonly scale?: true;
}

/** Ends whatever runs at the moment; nothing is begun after it. */
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => interruption.abort(new Interrupted(`interrupted by ${signal}`)));

const running = {
  cwd: root,
  stdin: "ignore",
  cancelSignal: interruption.signal,
  forceKillAfterDelay: 10_000,
} as const satisfies ExecaOptions;

const localnet = (...args: string[]) => [join(root, "lab/localnet.ts"), ...args, "--lab", labName];

/** Not to be interrupted: in a process group of its own, which a terminal's Ctrl-C does not reach. */
async function remove(): Promise<void> {
  await execa(process.execPath, localnet("down"), { cwd: root, stdio: "ignore", detached: true });
}

/** @returns seconds from a removed cluster to the first block; the cluster stays up */
async function bringUp(neard: string): Promise<number> {
  await remove();
  const startMs = performance.now();
  const env = { [neardVariable]: neard };
  const child = execa(process.execPath, localnet(), { ...running, env, buffer: false, stderr: "inherit" });
  // Its steps; not the status and the hints that follow them.
  for await (const line of child) if (line.startsWith("[")) tell(line);
  return (performance.now() - startMs) / 1000;
}

/** Everything, in order; each value is handed on as soon as it is there. */
async function measure(amounts: Amounts, neard: string, onSample: (sample: Sample) => void): Promise<void> {
  for (let run = 1; run <= amounts.localnet; run++) {
    const value = await bringUp(neard);
    onSample({ figure: "localnet", value });
    tell(`npm run localnet ${run} of ${amounts.localnet}: ${value.toFixed(1)} s`);
  }
  const child = execa(process.execPath, [join(import.meta.dirname, "measure.ts"), JSON.stringify(amounts)], {
    ...running,
    env: { HOLDFAST_TEST_LAB: labName },
    buffer: false,
    stderr: "inherit",
  });
  for await (const line of child) onSample(sampleSchema.parse(JSON.parse(line)));
}

/** The repository's figures are those of a full run on the simulated chain; others stand beside it. */
function write(results: Results, neard: string): void {
  const aside = neard !== "" ? ".localnet/neard-bench" : results.quick ? ".localnet/quick-bench" : null;
  const at = aside === null ? join(import.meta.dirname, "results") : join(root, aside);
  const markdown = aside === null ? join(root, "docs/figures.md") : join(at, "figures.md");
  const drawing = join(at, "failover-gap.svg");
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, "latest.json"), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(drawing, drawFailoverGap(results.samples));
  const beside = aside === null ? sections() : [];
  writeFileSync(markdown, formatMarkdown(results, relative(dirname(markdown), drawing), beside));
  tell(`\nWritten: ${[join(at, "latest.json"), drawing, markdown].map((file) => relative(root, file)).join(", ")}`);
}

/**
 * Hands on each sample as it comes, and prints what was measured even if `work` did not get to its end.
 * @throws what `work` throws; the interruption where there was one
 */
async function collect<T>(
  show: (samples: readonly T[], paint: Paint) => string,
  work: (onSample: (sample: T) => void) => Promise<void>,
): Promise<readonly T[]> {
  const samples: T[] = [];
  try {
    await work((sample) => samples.push(sample));
  } catch (error) {
    throw interruption.signal.aborted ? interruption.signal.reason : error;
  } finally {
    if (samples.length > 0)
      console.log(`\n${show(samples, createPaint(process.stdout.isTTY && !process.env.NO_COLOR))}\n`);
  }
  return samples;
}

/** The last comparison with another build, and the last of sizes: sections of docs/figures.md. */
const againstFile = join(import.meta.dirname, "results/against.json");
const scaleFile = join(import.meta.dirname, "results/scale.json");

function sections(): string[] {
  const read = (file: string) => (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null);
  const [against, scale] = [read(againstFile), read(scaleFile)];
  return [...(against === null ? [] : againstMarkdown(against)), ...(scale === null ? [] : scaleMarkdown(scale))];
}

const scaleRuns = 3;

/** Sizes, and hosts from the cloud; nothing else is measured. */
async function compareSizes(runs: number): Promise<void> {
  requireRoot();
  const about = { date: new Date().toISOString(), commit: await commitNow(root), machine: readMachine() };
  tell(describeRun({ ...about, quick: false }));
  const [tools] = await Promise.all([ensureTools(), ensureImage(tell), ensureImage(tell, undefined, "cloud")]);
  const samples = await collect(formatScale, (onSample) =>
    measureScale({ root, tools, runs, tell, signal: interruption.signal, onSample }),
  );
  mkdirSync(dirname(scaleFile), { recursive: true });
  writeFileSync(scaleFile, `${JSON.stringify({ ...about, samples } satisfies ScaleResults, null, 2)}\n`);
  const slow = scaleRatios(samples).filter(({ isAbove }) => isAbove);
  if (slow.length > 0)
    throw new HoldfastError(
      "HF_LAB",
      `above its bound: ${slow.map(({ kind, ratio }) => `${kind} ${ratio.toFixed(2)} (at most ${scaleKinds[kind].bound})`).join(", ")}`,
    );
}
const againstRuns = 5;

/** This build beside another one; nothing else is measured. */
async function compare(directory: string, runs: number): Promise<void> {
  requireRoot();
  requireCheckout(directory);
  const about = { date: new Date().toISOString(), commit: await commitNow(root), machine: readMachine() };
  const other = await commitNow(directory);
  tell(`${describeRun({ ...about, quick: false })}; beside it ${other ?? directory}`);
  await Promise.all([ensureTools(), ensureImage(tell)]);
  const builds = [
    { name: "this", directory: root, lab: labName },
    { name: "other", directory, lab: `${labName}old` },
  ] as const;
  const samples = await collect(formatAgainst, (onSample) =>
    measureAgainst(builds, runs, tell, interruption.signal, onSample),
  );
  mkdirSync(dirname(againstFile), { recursive: true });
  writeFileSync(againstFile, `${JSON.stringify({ ...about, other, samples } satisfies AgainstResults, null, 2)}\n`);
  const overlaps = samples.filter(({ build, overlapMs }) => build === "this" && overlapMs > 0);
  if (overlaps.length > 0) throw new HoldfastError("HF_LAB", "TWO HOSTS SIGNED AT ONCE. This must never be.");
  const slow = ratiosOf(samples).filter(({ ratio }) => ratio > ratioBound);
  if (slow.length > 0)
    throw new HoldfastError(
      "HF_LAB",
      `above ${ratioBound} of the other's time: ${slow.map(({ kind }) => kind).join(", ")}`,
    );
}

/** Prints what was measured even if the bench did not get to its end; writes it only if it did. */
async function bench({ quick, runs, keep, neard = "", against, scale }: Options): Promise<void> {
  if (scale) return await compareSizes(runs ?? scaleRuns);
  if (against !== undefined) return await compare(resolve(against), runs ?? againstRuns);
  requireRoot();
  if (neard !== "") tell(`a real neard, ${(await inspectNeard(neard)).release}: its chain is as slow as this machine`);
  const about = { date: new Date().toISOString(), commit: await commitNow(root), quick, machine: readMachine() };
  tell(describeRun(about));
  // So that the first `npm run localnet` finds what every later one finds.
  await Promise.all([ensureTools(), ensureImage(tell)]);
  const samples = await collect(formatFigures, async (onSample) => {
    try {
      await measure(amountsFor({ quick, runs }), neard, onSample);
    } finally {
      if (!keep) await remove();
    }
  });
  for (const condition of conditions) console.log(`* ${condition}`);
  write({ ...about, samples }, neard);
  const broken = breaches(samples);
  if (broken.length > 0)
    throw new HoldfastError(
      "HF_LAB",
      `TWO HOSTS SIGNED AT ONCE, or one height twice, in ${broken.length} runs. This must never be.`,
    );
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("Give a whole number above 0.");
  return value;
}

const program = new Command("bench")
  .description("Measures failover, switchover, pulumi and the agent on a cluster of its own; takes about half an hour.")
  .option(
    "--runs <count>",
    "how often the active host loses power (default: 20, with --quick 3, each event with --against 5, each pair with --scale 3)",
    count,
  )
  .option("--against <directory>", "only compare with another build: a checkout of it with its node_modules")
  .option("--scale", "only compare sizes, and hosts from the cloud with hosts that exist; about half an hour")
  .option("--quick", "few runs of each, in about five minutes; recorded in .localnet/quick-bench only", false)
  .option("--keep", "leave the cluster up at the end", false)
  .addOption(neardOption())
  .exitOverride()
  .action(bench);

leaveWithReader();
await runEntry("bench", () => program.parseAsync(), { lead: "\nbench: ", interrupted: interruption.signal });
