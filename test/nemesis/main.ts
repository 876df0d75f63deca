/**
 * `npm run nemesis`: real faults on real hosts. The catalogue one by one, or a random nemesis with a seed.
 * Ends with 0 only if no two hosts ever signed at once, nothing was signed twice, and all was as expected.
 */
import "../../contract/first.ts";
import { Command, InvalidArgumentError } from "commander";
import { leaveWithReader } from "../../cli/terminal/reader-left.ts";
import { Interrupted, runEntry } from "../../contract/entry.ts";
import { HoldfastError } from "../../contract/errors.ts";
import { requireRoot } from "../../lab/hosts/machine.ts";
import { neardOption } from "../../lab/real/option.ts";
import type { Area } from "./scenario.ts";

interface Options {
  readonly scenario: readonly string[];
  readonly area: readonly string[];
  readonly all?: true;
  readonly list?: true;
  readonly minutes?: number;
  readonly seed: number;
  readonly lab: string;
  readonly neard?: string;
}

const several = (value: string, before: readonly string[]) => [...before, ...value.split(",")];

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("Give a number above 0.");
  return value;
}

async function nemesis(options: Options): Promise<number> {
  const { catalogue, scenarioNamed } = await import("./catalogue/index.ts");
  if (options.list) {
    for (const { name, area, sentence, notHere } of catalogue)
      console.log(`${area.padEnd(9)}  ${name.padEnd(34)}  ${sentence}${notHere ? ` NOT HERE: ${notHere}.` : ""}`);
    return 0;
  }
  requireRoot();
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => stop.abort(new Interrupted(`interrupted by ${signal}`)));
  if (options.minutes !== undefined) {
    const { runRandom } = await import("./random/run.ts");
    return await runRandom(options.lab, options.minutes, options.seed, stop.signal, options.neard);
  }
  const { areas } = await import("./scenario.ts");
  const unknown = options.area.find((area) => !areas.includes(area as Area));
  if (unknown !== undefined)
    throw new HoldfastError("HF_USAGE", `There is no area "${unknown}".`, { next: `There are: ${areas.join(", ")}.` });
  const chosen = options.all
    ? catalogue
    : [...options.scenario.map(scenarioNamed), ...catalogue.filter(({ area }) => options.area.includes(area))];
  if (chosen.length === 0)
    throw new HoldfastError("HF_USAGE", "Nothing was asked for.", {
      next: "Say --all, --scenario NAME, --area AREA or --minutes N; --list shows the scenarios.",
    });
  const { runCatalogue } = await import("./run-catalogue.ts");
  return await runCatalogue(options.lab, chosen, stop.signal, options.neard);
}

const program = new Command("nemesis")
  .description("Breaks a cluster on this machine's hosts in every way we know, and asks the witness what came of it.")
  .option("--scenario <names>", "scenarios, apart by commas", several, [])
  .option("--area <areas>", "all scenarios of these areas, apart by commas", several, [])
  .option("--all", "the whole catalogue, about an hour")
  .option("--list", "what the catalogue has, and what cannot be done here")
  .option("--minutes <count>", "a random nemesis for so long", positive)
  .option("--seed <number>", "its seed: the same seed breaks the same things", positive, 1)
  .option("--lab <name>", "which lab; brought up if it is not there", process.env.HOLDFAST_LAB ?? "nemesis")
  .addOption(neardOption())
  .addHelpText(
    "after",
    "\nExit codes: 0 no two hosts ever signed at once, nothing was signed twice, and all was as expected; 1 not; 2 wrong use.",
  )
  .exitOverride()
  .action(async (options: Options) => {
    // The scenarios' helpers (test/scenarios/cluster.ts) read it when they are loaded.
    process.env.HOLDFAST_TEST_LAB = options.lab;
    process.exitCode = await nemesis(options);
  });

leaveWithReader();
await runEntry("nemesis", () => program.parseAsync(), { lead: "\nnemesis: " });
process.exit();
