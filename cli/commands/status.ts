import { Command } from "commander";
import { type CommandContext, jsonOption } from "../command-context.ts";
import type { ExitCode } from "../exit-codes.ts";
import { askHosts, confirmClaims } from "../status/ask-hosts.ts";
import { clusterView, statusExitCode } from "../status/cluster-view.ts";
import { formatStatus } from "../status/format-status.ts";
import type { ClusterView } from "../status/views.ts";
import { watchStatus } from "../status/watch-status.ts";
import { withProgress } from "../terminal/progress.ts";

export function statusCommand(context: CommandContext): Command {
  const command = new Command("status");
  return command
    .description("show which host is active and how every host is")
    .option("--watch", "show it again every second; Ctrl-C ends it")
    .addOption(jsonOption())
    .addHelpText("after", statusHelp)
    .action((options: { watch?: boolean; json?: boolean }) => context.finish(run(context, command, options)));
}

const statusHelp = `
A host that does not answer within 3 s is shown as unreachable.

"heard": the chain takes what the active host signs, by the account's own counts since
that host got the key. "not heard": it takes less than a validator must do.

Exit codes: 0 one host is active and nothing is amiss, 4 no host is active, it is not
heard, or something else is amiss, 5 more than one host says that it is active.
With --watch: 0 after Ctrl-C.

Examples:
  $ holdfast status
  $ holdfast status --watch
  $ holdfast status --json | jq -r .active`;

async function run(
  context: CommandContext,
  command: Command,
  options: { watch?: boolean; json?: boolean },
): Promise<ExitCode> {
  const { terminal, clock } = context.ports;
  const show = (view: ClusterView) => {
    if (options.json) return JSON.stringify(view, null, options.watch ? undefined : 2);
    const style = { paint: context.paint(command), columns: terminal.columns, wallMs: clock.wallMs() };
    return formatStatus(view, style);
  };
  return context.withCluster(command, async ({ cluster, links }) => {
    if (options.watch) return watchStatus(context.ports, cluster, links, show, { oneLine: options.json === true });
    const names = cluster.hosts.map((host) => host.name);
    const asked = askHosts(links, names).then((answers) => confirmClaims(links, answers));
    const answers = await withProgress(terminal, clock, `asking ${names.length} hosts`, asked);
    const view = clusterView(cluster, answers);
    context.print(show(view));
    return statusExitCode(view);
  });
}
