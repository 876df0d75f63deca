import { Command } from "commander";
import { HoldfastError } from "../../contract/errors.ts";
import { type CommandContext, jsonOption } from "../command-context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";

interface Options {
  readonly base: string;
  readonly head?: string;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly detailedExitcode?: boolean;
}

export function planCommand(context: CommandContext): Command {
  const command = new Command("plan");
  return command
    .description("compare two versions of the stack's settings: what would change on which host, in which order")
    .option("--base <ref>", "the commit, branch or tag that is deployed", "HEAD")
    .option("--head <ref>", "the one that shall be; default: the files as they are here")
    .addOption(jsonOption().conflicts("markdown"))
    .option("--markdown", "print a page for a pull request, with a drawing of the cluster")
    .option("--detailed-exitcode", "end with 3 when anything would be done on a host, or may be")
    .addHelpText("after", planHelp)
    .action((options: Options) => context.finish(run(context, command, options)));
}

const planHelp = `
Reads Pulumi.<stack>.yaml through git. Needs no passphrase, no state and no host, so it
knows neither which host is active nor what was changed by hand; pulumi preview knows
the state, holdfast check the hosts.

Exit codes: 0 it was compared, 1 the settings have faults (they are in the output).
With --detailed-exitcode: 0 nothing would be done, 3 something would, or may (where holdfast's
own way from settings to files differs too).

Examples:
  $ holdfast plan                                  what I have not committed yet
  $ holdfast --stack mainnet plan --base origin/main
  $ holdfast plan --base HEAD~1 --head HEAD --markdown > plan.md
  $ holdfast plan --json | jq '.comparison.risks'`;

async function run(context: CommandContext, command: Command, options: Options): Promise<ExitCode> {
  const { checkout, selectedStack, terminal } = context.ports;
  const { stack = selectedStack() } = command.optsWithGlobals<{ stack?: string }>();
  if (stack === undefined)
    throw new HoldfastError("HF_USAGE", "No stack is selected here.", { next: "Name it: holdfast plan --stack NAME." });
  const name = stack.split("/").at(-1) ?? "";
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(name))
    throw new HoldfastError("HF_USAGE", "The stack's name is none that Pulumi takes.", {
      next: "Give it as in Pulumi.<stack>.yaml.",
    });
  // The other commands do without the settings' schema, and what it loads.
  const { makePlan } = await import("../plan/make-plan.ts");
  const report = await makePlan(checkout, name, options.base, options.head ?? null);
  if (options.json) context.printJson(report);
  else if (options.markdown) context.print((await import("../plan/format-markdown.ts")).formatMarkdown(report));
  else {
    const { formatPlan } = await import("../plan/format-plan.ts");
    context.print(formatPlan(report, { paint: context.paint(command), columns: terminal.columns }));
  }
  if (report.comparison === null) return exitCodes.failed;
  const { isSame } = await import("../../infra/compare/compare.ts");
  const isNothing = isSame(report.comparison) && !report.isOtherPlanner;
  return options.detailedExitcode === true && !isNothing ? exitCodes.drift : exitCodes.ok;
}
