import { Command, InvalidArgumentError } from "commander";
import { type CommandContext, firstThatAnswers, jsonOption } from "../command-context.ts";
import { exitCodes } from "../exit-codes.ts";
import { formatHistory } from "../history/format-history.ts";
import { getHistory } from "../hosts/agent-client.ts";
import { withProgress } from "../terminal/progress.ts";

export function historyCommand(context: CommandContext): Command {
  const command = new Command("history");
  return command
    .description("show who took over when, from whom and why; the newest last")
    .option("--limit <n>", "how many of the newest entries", count, 20)
    .addOption(jsonOption())
    .addHelpText("after", historyHelp)
    .addHelpText("after", "\nExamples:\n  $ holdfast history\n  $ holdfast history --limit 100 --json")
    .action((options: { limit: number; json?: boolean }) =>
      context.finish(
        context.withCluster(command, async ({ cluster, links }) => {
          const { terminal, clock } = context.ports;
          const asked = firstThatAnswers(cluster.hosts, (host) => getHistory(links.of(host.name), options.limit));
          const entries = await withProgress(terminal, clock, "reading the history", asked);
          if (options.json) context.printJson(entries);
          else context.print(formatHistory(entries, { paint: context.paint(command), columns: terminal.columns }));
          return exitCodes.ok;
        }),
      ),
    );
}

const historyHelp = `
took: from the decision to take over until neard confirmed the key. key after, heard after,
first block after: counted from the last sign of the old holder (a renewal, or its release),
until neard confirmed the key, until the chain had anything of the new holder's, and until it
had a block of its. Written when they are known, so later than the rest.

Consul keeps the newest 1,000 take-overs; older ones go.`;

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("Give a whole number above 0.");
  return value;
}
