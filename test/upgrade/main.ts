/**
 * `npm run upgrade -- --from COMMIT`: a cluster on this machine's hosts is brought up by the program of an earlier release,
 * goes on signing, is upgraded by `pulumi up` of this tree, and downgraded again. The witness and the history say what it
 * cost. With --mixed the two releases run side by side under random faults for a while before the rest is upgraded.
 */
import "../../contract/first.ts";
import { Command, InvalidArgumentError } from "commander";
import { leaveWithReader } from "../../cli/terminal/reader-left.ts";
import { Interrupted, runEntry } from "../../contract/entry.ts";
import { requireRoot } from "../../lab/hosts/machine.ts";
import type { Options } from "./run.ts";

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("Give a number above 0.");
  return value;
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => stop.abort(new Interrupted(`interrupted by ${signal}`)));

const program = new Command("upgrade")
  .description("Upgrades a running cluster on this machine's hosts from an earlier release, and downgrades it again.")
  .requiredOption(
    "--from <commit>",
    "the release to begin with: a commit or tag of this repository, such as 96c8e17 (0.1.0)",
  )
  .option("--mixed <minutes>", "let both releases run side by side for so long, under random faults", positive)
  .option("--seed <number>", "of those faults: the same seed breaks the same things", positive, 1)
  .option("--lab <name>", "which lab; made anew, and removed at the end", "upgrade")
  .option("--keep", "leave the lab as it is at the end")
  .addHelpText(
    "after",
    "\nExit codes: 0 the key moved by switchovers alone, no two hosts signed at once, and nothing was missed that a switchover" +
      "\ndoes not miss; 1 not; 2 wrong use.",
  )
  .exitOverride()
  .action(async (options: Options) => {
    requireRoot();
    // The helpers of the scenarios read it when they are loaded.
    process.env.HOLDFAST_TEST_LAB = options.lab;
    const { runUpgrade } = await import("./run.ts");
    process.exitCode = await runUpgrade(options, stop.signal);
  });

leaveWithReader();
await runEntry("upgrade", () => program.parseAsync(), { lead: "\nupgrade: ", interrupted: stop.signal });
process.exit();
