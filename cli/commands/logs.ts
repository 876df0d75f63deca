import { Command, InvalidArgumentError, Option } from "commander";
import { units } from "../../contract/paths.ts";
import { type CommandContext, findHost } from "../command-context.ts";
import { exitCodes } from "../exit-codes.ts";
import { followLogs, readLogs } from "../logs/read-logs.ts";

const choices = ["agent", "neard", "consul"] as const;

interface Options {
  readonly unit: (typeof choices)[number];
  readonly lines: number;
  readonly follow?: boolean;
  readonly raw?: boolean;
}

export function logsCommand(context: CommandContext): Command {
  const command = new Command("logs");
  return command
    .description("show the journal of one host, or of all, in order of time (UTC)")
    .argument("[host]", "default: every host")
    .addOption(new Option("--unit <unit>", "whose journal").choices(choices).default("agent"))
    .option("-n, --lines <n>", "how many of the newest lines of each host", count, 100)
    .option("-f, --follow", "go on with new lines; Ctrl-C ends it")
    .option("--raw", "lines as they are in the journal, the agent's JSON too")
    .addHelpText("after", "\nExamples:\n  $ holdfast logs\n  $ holdfast logs host-a --unit neard -n 50 -f")
    .action((host: string | undefined, options: Options) =>
      context.finish(
        context.withCluster(command, async ({ cluster, links }) => {
          const named = host === undefined ? cluster.hosts : [findHost(cluster, host)];
          // An arbiter has no neard: its journal would be empty.
          const hosts = options.unit === "neard" ? named.filter((one) => one.roles.includes("neard")) : named;
          const wanted = { unit: units[options.unit], lines: options.lines, raw: options.raw === true };
          const read = options.follow ? followLogs : readLogs;
          const failures = await read(
            context.ports,
            hosts.map((one) => links.of(one.name)),
            wanted,
          );
          for (const failure of failures) context.ports.terminal.err(`${failure}\n`);
          return failures.length === 0 ? exitCodes.ok : exitCodes.failed;
        }),
      ),
    );
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError("Give a whole number.");
  return value;
}
