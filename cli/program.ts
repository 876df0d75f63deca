/** The command line: which commands there are, and how everything that goes wrong becomes words and an exit code. */
import { Command, CommanderError } from "commander";
import { isKnown } from "../contract/entry.ts";
import { describeError, HoldfastError } from "../contract/errors.ts";
import { CommandContext } from "./command-context.ts";
import { checkCommand } from "./commands/check.ts";
import { historyCommand } from "./commands/history.ts";
import { keyCommand } from "./commands/key.ts";
import { logsCommand } from "./commands/logs.ts";
import { pauseCommand, resumeCommand } from "./commands/pause.ts";
import { planCommand } from "./commands/plan.ts";
import { replaceCommand } from "./commands/replace.ts";
import { snapshotCommand } from "./commands/snapshot.ts";
import { sshCommand } from "./commands/ssh.ts";
import { statusCommand } from "./commands/status.ts";
import { switchoverCommand } from "./commands/switchover.ts";
import { exitCodeOf, exitCodes, exitCodesHelp } from "./exit-codes.ts";
import type { Ports } from "./ports.ts";

/** @param argv without node and the script. @returns the exit code. @throws what nobody foresaw: contract/entry.ts has words for it. */
export async function runProgram(argv: readonly string[], version: string, ports: Ports): Promise<number> {
  const context = new CommandContext(ports);
  try {
    await createProgram(context, version).parseAsync([...argv], { from: "user" });
    return context.exitCode ?? exitCodes.ok;
  } catch (error) {
    // Commander has printed its own message.
    if (error instanceof CommanderError) return exitCodeOf(error);
    if (ports.interrupted.aborted) return exitCodes.interrupted;
    if (!isKnown(error)) throw error;
    ports.terminal.err(`${describeError(error)}\n`);
    return error instanceof HoldfastError && error.code === "HF_USAGE" ? exitCodes.usage : exitCodes.failed;
  }
}

function createProgram(context: CommandContext, version: string): Command {
  const program = new Command("holdfast")
    .description("Look after a highly available NEAR validator: one host is active, the others stand by.")
    .version(version, "-V, --version")
    .option("--stack <name>", "the Pulumi stack; default: the selected one")
    .option("--no-color", "no colours; NO_COLOR does the same")
    .addHelpText("after", `\n${exitCodesHelp}\n\nExamples:\n${examples}`);
  const commands = [
    statusCommand(context),
    switchoverCommand(context),
    pauseCommand(context),
    resumeCommand(context),
    historyCommand(context),
    logsCommand(context),
    sshCommand(context),
    checkCommand(context),
    planCommand(context),
    replaceCommand(context),
    snapshotCommand(context),
    keyCommand(context),
  ];
  for (const command of commands) program.addCommand(command);
  configure(program, context.ports);
  return program;
}

const examples = `  $ holdfast status --watch
  $ holdfast switchover --to host-b
  $ holdfast --stack mainnet logs host-a --unit neard -f`;

/** Commander's settings are not inherited by commands that were made apart. */
function configure(command: Command, ports: Ports): void {
  const { terminal } = ports;
  command
    .exitOverride()
    .showHelpAfterError("(see --help)")
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      getOutHasColors: () => terminal.color,
      getErrHasColors: () => terminal.color,
      getOutHelpWidth: () => terminal.columns ?? 100,
      getErrHelpWidth: () => terminal.columns ?? 100,
    });
  for (const child of command.commands) configure(child, ports);
}
