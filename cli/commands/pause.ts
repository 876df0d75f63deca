import { Command } from "commander";
import { type CommandContext, firstThatAnswers, jsonOption } from "../command-context.ts";
import { exitCodes } from "../exit-codes.ts";
import { postPause, postResume } from "../hosts/agent-client.ts";

export function pauseCommand(context: CommandContext): Command {
  const command = new Command("pause");
  return command
    .description("stop automatic take-overs until `resume`")
    .option("--reason <text>", "why; kept in Consul beside who and when")
    .addOption(jsonOption())
    .addHelpText("after", pauseHelp)
    .action((options: { reason?: string; json?: boolean }) =>
      context.finish(change(context, command, options.json, { paused: true, reason: options.reason })),
    );
}

const pauseHelp = `
While paused, no standby takes over by itself, whatever happens to the active host.
A switchover that you ask for still works. The fence stays: an active host that loses
its lease stops signing, paused or not.

Examples:
  $ holdfast pause --reason "moving host-b to another rack"
  $ holdfast resume`;

export function resumeCommand(context: CommandContext): Command {
  const command = new Command("resume");
  return command
    .description("allow automatic take-overs again")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  $ holdfast resume")
    .action((options: { json?: boolean }) => context.finish(change(context, command, options.json, { paused: false })));
}

async function change(
  context: CommandContext,
  command: Command,
  json: boolean | undefined,
  wanted: { paused: boolean; reason?: string | undefined },
) {
  return context.withCluster(command, async ({ cluster, links }) => {
    const validators = cluster.hosts.filter((host) => host.roles.includes("neard"));
    const through = await firstThatAnswers(validators, async ({ name }) => {
      await (wanted.paused ? postPause(links.of(name), wanted.reason) : postResume(links.of(name)));
      return name;
    });
    if (json) context.printJson({ paused: wanted.paused, through });
    else context.print(wanted.paused ? pausedText : resumedText);
    return exitCodes.ok;
  });
}

const pausedText = `Paused: no standby takes over by itself until you run holdfast resume.
The fence stays: an active host that loses its lease stops signing.`;

const resumedText = "Resumed: a standby takes over by itself when the active host fails.";
