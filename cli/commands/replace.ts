import { Command, InvalidArgumentError } from "commander";
import { HoldfastError } from "../../contract/errors.ts";
import { type ClusterSession, type CommandContext, findHost, jsonOption } from "../command-context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { hostsNow } from "../replace/hosts-now.ts";
import type { Replacement } from "../replace/next-step.ts";
import { withProgress } from "../terminal/progress.ts";

interface Options {
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly withoutStandby?: boolean;
  readonly anew?: boolean;
  readonly timeout: number;
}

/** A new neard on a public network may need so long to be in sync; an apply waits as long. */
const timeoutH = 12;

export function replaceCommand(context: CommandContext): Command {
  const command = new Command("replace");
  return command
    .description("replace the machine of a host: out of service, a new machine under its address, healthy again")
    .argument("[host]", "without it: which hosts may be replaced now, one after the other in this order")
    .option("-y, --yes", "do not ask, neither here nor in pulumi up")
    .option("--without-standby", "go on though no host stands by until the new machine is in sync")
    .option("--anew", "also where the machine was set up in the last 24 h, once that is as it should be")
    .option("--timeout <hours>", "how long to wait until the new machine is healthy", hours, timeoutH)
    .addOption(jsonOption())
    .addHelpText("after", replaceHelp)
    .action((name: string | undefined, options: Options) =>
      context.finish(name === undefined ? list(context, command, options) : run(context, command, name, options)),
    );
}

const replaceHelp = `
One command, called until it says that it is done. It looks where things stand, and does what is next:

  1. takes the host out of service: one that is active hands over first, its server leaves Consul's
     voters, its neard stops, its sealed key is erased. Refused where Consul would lose its majority,
     or where nobody could validate, or nobody would stand by.
  2. ends, for the machine itself is yours to replace. It says what the new one needs. (A machine that
     Pulumi has made at a cloud is deleted, WITH ITS DISK, neard's data and all, and made anew by
     pulumi up; its address stays. What Pulumi would refuse is told by a preview before step 1.)
  3. runs pulumi up, which makes everything on the new machine, and waits until the host votes,
     follows the chain and stands by again.

pulumi up deploys whatever else waits in the settings too, to all hosts: look at pulumi preview first.

A dead host is replaced in the same way; nothing is left to do on it. One that is silent and could be the
one that validates is not: another host must know that it is not, or its power must be off. Ctrl-C at any
time: call it again.

Exit codes: 0 it is replaced, 1 refused or failed, 4 the host is out of service (or dead) and waits for its
new machine.

Examples:
  $ holdfast replace
  $ holdfast replace host-b
  $ holdfast replace host-b --yes --json`;

function hours(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("Give a number of hours above 0.");
  return value;
}

async function list(context: CommandContext, command: Command, { json }: Options): Promise<ExitCode> {
  const { clock, terminal } = context.ports;
  const { formatReplaceable, listReplaceable } = await import("../replace/list-hosts.ts");
  return context.withCluster(command, async (session) => {
    const all = listReplaceable(await withProgress(terminal, clock, "asking the hosts", hostsNow(session)));
    if (json) context.printJson(all);
    else context.print(formatReplaceable(all, { paint: context.paint(command), columns: terminal.columns }));
    return exitCodes.ok;
  });
}

async function run(context: CommandContext, command: Command, name: string, options: Options): Promise<ExitCode> {
  // What cannot be taken back is not done because there was nobody to ask.
  if (options.yes !== true && !context.ports.terminal.interactive)
    throw new HoldfastError("HF_USAGE", "There is nobody to ask whether the machine may go.", {
      next: "Give --yes if it shall be done all the same.",
    });
  const replacement: Replacement = {
    host: name,
    asks: options.yes !== true,
    withoutStandby: options.withoutStandby === true,
    anew: options.anew === true,
    giveUpMs: context.ports.clock.monotonicMs() + options.timeout * 3_600_000,
    did: [],
  };
  const stack = command.optsWithGlobals<{ stack?: string }>().stack;
  // The other commands do without the settings, which may tell of a new machine.
  const { takeStep } = await import("../replace/take-step.ts");
  // Each step begins with the stack read anew: an apply may have changed how the host is reached.
  for (;;) {
    const end = await context.withCluster(command, async (session: ClusterSession) => {
      findHost(session.cluster, name);
      return await takeStep(context.ports, session, stack, replacement);
    });
    if (end === "go-on") continue;
    if (end.report === null) context.ports.terminal.err(`${end.text}\n`);
    else if (options.json) context.printJson(end.report);
    else context.print(end.text);
    return end.code;
  }
}
