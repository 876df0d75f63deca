import { Command } from "commander";
import { checkHosts, formatChecks } from "../check/check-hosts.ts";
import { type CommandContext, jsonOption } from "../command-context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { withProgress } from "../terminal/progress.ts";

export function checkCommand(context: CommandContext): Command {
  const command = new Command("check");
  return command
    .description("compare every host with what was deployed to it; changes nothing")
    .addOption(jsonOption())
    .addHelpText("after", checkHelp)
    .action((options: { json?: boolean }) => context.finish(run(context, command, options.json)));
}

const checkHelp = `
Exit codes: 0 every host is as deployed, 3 at least one is not, 1 a host could not be checked.

Examples:
  $ holdfast check
  $ holdfast check --json | jq '.[] | select(.drift != [] or .error)'`;

async function run(context: CommandContext, command: Command, json: boolean | undefined): Promise<ExitCode> {
  return context.withCluster(command, async ({ cluster, links }) => {
    const { terminal, clock } = context.ports;
    const hosts = cluster.hosts.map((host) => host.name);
    const checked = checkHosts(hosts.map((host) => links.of(host)));
    const checks = await withProgress(terminal, clock, `checking ${hosts.length} hosts`, checked);
    if (json) context.printJson(checks);
    else context.print(formatChecks(checks, { paint: context.paint(command), columns: terminal.columns }));
    if (checks.some((check) => check.error !== null)) return exitCodes.failed;
    return checks.some((check) => check.drift.length > 0) ? exitCodes.drift : exitCodes.ok;
  });
}
