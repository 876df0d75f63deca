import { Command } from "commander";
import { type CommandContext, findHost } from "../command-context.ts";

/** ssh's own exit code for what is not the remote command's doing. */
const sshFailed = 255;

/** When a host key differs, ssh tells people to edit a file that is ours and gone by then. */
const aboutFailure = (host: string) =>
  `holdfast: ssh itself failed. Which host key counts is said by hostKey of ${host} in the stack's configuration, and by\n` +
  "no file that ssh may name (docs/errors.md: HF_HOST_UNREACHABLE, HF_HOST_KEY_MISMATCH).";

export function sshCommand(context: CommandContext): Command {
  const command = new Command("ssh");
  return command
    .description("log in to a host, or run a command on it, with the stack's key and the pinned host key")
    .argument("<host>")
    .argument("[command...]", "after --; default: a login shell")
    .addHelpText("after", "\nExamples:\n  $ holdfast ssh host-a\n  $ holdfast ssh host-a -- systemctl status neard")
    .action((name: string, words: string[]) =>
      context.finish(
        context.withCluster(command, async ({ cluster }) => {
          const code = await context.ports.openShell(cluster, findHost(cluster, name), words);
          if (code === sshFailed) context.ports.terminal.err(`${aboutFailure(name)}\n`);
          return code;
        }),
      ),
    );
}
