/**
 * `npm run simulate`: the agent's own code against random faults, in virtual time, seed after seed.
 *
 *   npm run simulate -- --hours 100               a hundred simulated hours
 *   npm run simulate -- --seed 91827 --trace      one seed again, with everything that happens
 *   npm run simulate -- --replay failure.json     a cut-down schedule again
 */
import "../../contract/first.ts";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import pc from "picocolors";
import { leaveWithReader } from "../../cli/terminal/reader-left.ts";
import { runEntry } from "../../contract/entry.ts";
import { HoldfastError, plainReason } from "../../contract/errors.ts";
import { commitNow } from "../commit.ts";
import type { Schedule } from "./schedule.ts";
import { shrink } from "./shrink.ts";
import { type RunReport, replay, simulate } from "./simulate.ts";
import { describeSchedule } from "./words.ts";

interface Options {
  readonly hours: number;
  readonly seed?: number;
  readonly seeds?: number;
  readonly perSeed: number;
  readonly replay?: string;
  readonly trace: boolean;
  readonly shrink: boolean;
  readonly json: boolean;
  readonly save?: string;
}

/** What one call did, for `--json`. */
interface Summary {
  seeds: number;
  hours: number;
  /** Of this program's processor time: other programs on the machine do not count. */
  hoursPerCpuMinute: number;
  takeOvers: number;
  faults: number;
  /** Hosts whose power another one cut. */
  powerCuts: number;
  availability: number;
  slowestRecoveryMs: number;
  failures: { seed: number; hours: number; violations: readonly string[] }[];
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError("Give a number above 0.");
  return number;
}

function whole(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError("Give a whole number.");
  return number;
}

/** None at all would be reported as every promise kept. */
function count(text: string): number {
  if (whole(text) === 0) throw new InvalidArgumentError("Give a whole number above 0.");
  return Number(text);
}

const program = new Command("simulate")
  .description("The agent's own code against random faults, in virtual time.")
  .option("--hours <n>", "simulate so many hours in all", positive, 20)
  .option("--seed <n>", "begin with this seed; alone: run only this one", whole)
  .option("--seeds <n>", "run so many seeds, whatever --hours says", count)
  .option("--per-seed <hours>", "simulated hours of each seed", positive, 0.5)
  .option("--trace", "print everything that happens", false)
  .option("--shrink", "cut a failing run down to the faults that it takes", false)
  .option("--save <file>", "write the failing schedule there, for --replay")
  .option("--replay <file>", "run the faults in this file")
  .option("--json", "print the figures as JSON", false)
  .addHelpText("after", "\nExit codes: 0 every promise was kept, 1 one was broken, 2 wrong use of the command line.")
  .exitOverride();

const say = (line: string) => console.error(line);

async function main(options: Options): Promise<number> {
  const print = (line: string) => console.log(line);
  const watching = options.trace ? { trace: print } : {};
  if (options.replay !== undefined) {
    const schedule = readSchedule(options.replay);
    const report = await replay(schedule, watching);
    return await conclude(report, options, `--replay ${options.replay}`);
  }
  const summary: Summary = {
    seeds: 0,
    hours: 0,
    hoursPerCpuMinute: 0,
    takeOvers: 0,
    faults: 0,
    powerCuts: 0,
    availability: 0,
    slowestRecoveryMs: 0,
    failures: [],
  };
  const first = options.seed ?? 1;
  const seeds = options.seeds ?? (options.seed === undefined ? Math.ceil(options.hours / options.perSeed) : 1);
  const commit = (await commitNow(join(import.meta.dirname, "../.."))) ?? "unknown";
  say(`seeds ${first} to ${first + seeds - 1}, ${options.perSeed} simulated hours each, commit ${commit}`);
  const began = process.cpuUsage();
  let code = 0;
  for (let seed = first; seed < first + seeds; seed += 1) {
    const report = await simulate(seed, options.perSeed, watching);
    add(summary, report);
    progress(summary, seeds);
    if (report.violation === null) continue;
    code = await conclude(report, options, `--seed ${seed} --per-seed ${options.perSeed}`);
    if (options.shrink) break;
  }
  const { user, system } = process.cpuUsage(began);
  summary.hoursPerCpuMinute = (summary.hours * 60e6) / (user + system);
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  if (options.json) print(JSON.stringify(summary));
  else say(inWords(summary));
  return code;
}

function readSchedule(file: string): Schedule {
  const next = "Name a file that --save wrote.";
  let schedule: Partial<Schedule>;
  try {
    schedule = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new HoldfastError("HF_USAGE", `${file} cannot be read: ${plainReason(error)}.`, { next });
  }
  const { shape, storms } = schedule ?? {};
  if (shape === undefined || !Array.isArray(storms))
    throw new HoldfastError("HF_USAGE", `${file} is no schedule of faults.`, { next });
  return { shape, storms };
}

function add(summary: Summary, report: RunReport): void {
  const hours = summary.hours + report.hours;
  summary.availability = (summary.availability * summary.hours + report.availability * report.hours) / hours;
  summary.hours = hours;
  summary.seeds += 1;
  summary.takeOvers += report.takeOvers;
  summary.faults += report.faults;
  summary.powerCuts += report.powerCuts;
  summary.slowestRecoveryMs = Math.max(summary.slowestRecoveryMs, report.slowestRecoveryMs);
  if (report.violation !== null)
    summary.failures.push({ seed: report.seed, hours: report.hours, violations: report.violations });
}

function progress(summary: Summary, seeds: number): void {
  if (!process.stderr.isTTY) return;
  const { failures, hours } = summary;
  process.stderr.write(`\r\x1b[K${summary.seeds} of ${seeds} seeds, ${hours.toFixed(1)} h, ${failures.length} failed`);
}

function inWords(summary: Summary): string {
  const { seeds, hours, faults, takeOvers, powerCuts, availability, slowestRecoveryMs, failures } = summary;
  const verdict = failures.length === 0 ? pc.green("every promise kept") : pc.red(`${failures.length} seeds failed`);
  return (
    `${verdict}: ${seeds} seeds, ${hours.toFixed(1)} simulated hours (${summary.hoursPerCpuMinute.toFixed(0)} per minute of ` +
    `processor time), ${faults} faults, ${takeOvers} take-overs, ${powerCuts} power-offs, somebody could sign for ${(availability * 100).toFixed(1)} % ` +
    `of the time, back at most ${(slowestRecoveryMs / 1000).toFixed(1)} s after the faults`
  );
}

/** Says what was broken and how to see it again. 0: nothing was. */
async function conclude(report: RunReport, options: Options, again: string): Promise<number> {
  if (report.violation === null) {
    if (options.replay !== undefined) say(pc.green("every promise kept"));
    return 0;
  }
  say(`\n${pc.red(report.violations.join("; "))}\n  again: npm run simulate -- ${again} --trace`);
  let { schedule } = report;
  if (options.shrink) {
    const shrunk = await shrink(schedule, (faults, runs) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${faults} faults left after ${runs} runs`);
    });
    schedule = shrunk.schedule;
    say(`\n${shrunk.violation.promise}: ${shrunk.violation.what}, by these faults (${shrunk.runs} runs):`);
    say(describeSchedule(schedule));
  }
  if (options.save !== undefined) {
    writeFileSync(options.save, `${JSON.stringify(schedule, null, 2)}\n`);
    say(`  again: npm run simulate -- --replay ${options.save} --trace`);
  }
  return 1;
}

leaveWithReader();
await runEntry("simulate", () => {
  program.parse();
  return main(program.opts<Options>());
});
