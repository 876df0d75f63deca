import { Command } from "commander";
import { type CommandContext, findHost } from "../command-context.ts";

export function sshCommand(context: CommandContext): Command {
  const command = new Command("ssh");
  return command
    .description("log in to a host, or run a command on it, with the stack's key and the pinned host key")
    .argument("<host>")
    .argument("[command...]", "after --; default: a login shell")
    .addHelpText("after", "\nExamples:\n  $ holdfast ssh host-a\n  $ holdfast ssh host-a -- systemctl status neard")
    .action((name: string, words: string[]) =>
      context.finish(
        context.withCluster(command, async ({ cluster }) =>
          context.ports.openShell(cluster, findHost(cluster, name), words),
        ),
      ),
    );
}
