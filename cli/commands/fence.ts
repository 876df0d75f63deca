import { Command } from "commander";
import { HoldfastError, plainReason } from "../../contract/errors.ts";
import type { PowerReading } from "../../contract/fencing.ts";
import { hostNameSchema } from "../../contract/topology.ts";
import type { StackOutputs } from "../../contract/wire/stack-outputs.ts";
import {
  type ClusterSession,
  type CommandContext,
  findHost,
  firstThatAnswers,
  jsonOption,
} from "../command-context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { askDevices, formatDevices, validators } from "../fence/ask-devices.ts";
import { getStatus, postConfirm, postFence } from "../hosts/agent-client.ts";
import { withProgress } from "../terminal/progress.ts";

export function fenceCommand(context: CommandContext): Command {
  return new Command("fence")
    .description("look at the hosts' power devices, and use them")
    .addCommand(testCommand(context))
    .addCommand(offCommand(context))
    .addCommand(onCommand(context))
    .addCommand(confirmCommand(context));
}

interface Options {
  readonly yes?: boolean;
  readonly json?: boolean;
}

function testCommand(context: CommandContext): Command {
  const command = new Command("test");
  return command
    .description("read a host's power device, from every host that may have to use it; powers nothing off")
    .argument("[host]", "default: all hosts with neard")
    .addOption(jsonOption())
    .addHelpText("after", testHelp)
    .action((host: string | undefined, options: Options) => context.finish(test(context, command, host, options)));
}

const testHelp = `
Each of the other hosts with neard asks the device, as it would before a take-over: that the token
works, that the device answers there, and that it is this host's. Nothing is changed.

Exit codes: 0 all could read it, 4 one could not, or the device is another machine's.

Examples:
  $ holdfast fence test
  $ holdfast fence test host-a --json`;

async function test(context: CommandContext, command: Command, name: string | undefined, options: Options) {
  return context.withCluster(command, async ({ cluster, links }): Promise<ExitCode> => {
    const { terminal, clock } = context.ports;
    const hosts = name === undefined ? validators(cluster) : [fencedHost({ cluster, links }, name)];
    for (const host of hosts) othersThan(cluster, host);
    const asked = askDevices(cluster, links, hosts);
    const seen = await withProgress(terminal, clock, "asking the hosts' power devices", asked);
    if (options.json) context.printJson(seen.map(({ by, reading }) => ({ by, ...reading })));
    else context.print(formatDevices(seen, { paint: context.paint(command), columns: terminal.columns }));
    return seen.every(({ reading }) => reading.state !== null) ? exitCodes.ok : exitCodes.degraded;
  });
}

function offCommand(context: CommandContext): Command {
  const command = new Command("off");
  return command
    .description("cut the power of a standby, to see that it works; it stays off")
    .argument("<host>")
    .option("-y, --yes", "do not ask; needed where nobody can be asked")
    .addOption(jsonOption())
    .addHelpText("after", offHelp)
    .action((host: string, options: Options) => context.finish(off(context, command, host, options)));
}

const offHelp = `
The power is cut at once, as by its plug: the host is not asked to shut down. Refused for the host
that holds the lock: run holdfast switchover first. It stays off until holdfast fence on.

Exit codes: 0 its device shows it off, 1 it does not, or it was refused.

Example:
  $ holdfast fence off host-b && holdfast fence on host-b`;

async function off(context: CommandContext, command: Command, name: string, options: Options): Promise<ExitCode> {
  return context.withCluster(command, async (session) => {
    const { cluster, links } = session;
    const { terminal, clock } = context.ports;
    const host = fencedHost(session, name);
    const others = othersThan(cluster, host);
    const statuses = await Promise.allSettled([host, ...others].map((one) => getStatus(links.of(one))));
    const known = statuses.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    if (
      known.some((status) => status.host === host && !["standby", "starting"].includes(status.role)) ||
      known.some((status) => status.holder === host)
    )
      throw new HoldfastError("HF_REFUSED", `${host} holds the lock, or is about to: its power is not cut by hand.`, {
        next: "Move the key first: holdfast switchover.",
      });
    const spare = known.filter((status) => status.host !== host && status.ready).length;
    const cost = spare === 0 ? " No other standby is ready: until it is back, nobody could take over." : "";
    await wanted(context, `Cut the power of ${host} now?${cost}`, options);
    const asked = firstThatAnswers(
      cluster.hosts.filter((one) => others.includes(one.name)),
      (one) => postFence(links.of(one.name), "off", host),
    );
    const reading = await withProgress(terminal, clock, `cutting the power of ${host}`, asked);
    if (options.json) context.printJson(reading);
    else
      context.print(
        `${told(reading)}${reading.state === "off" ? ` It stays off until holdfast fence on ${host}.` : ""}`,
      );
    return reading.state === "off" ? exitCodes.ok : exitCodes.failed;
  });
}

function onCommand(context: CommandContext): Command {
  const command = new Command("on");
  return command
    .description("give a host its power back")
    .argument("<host>")
    .addOption(jsonOption())
    .addHelpText("after", onHelp)
    .action((host: string, options: Options) => context.finish(on(context, command, host, options)));
}

const onHelp = `
A host that was fenced comes back as a standby, with nothing of its old term.

Exit codes: 0 its device shows it on, 1 it does not.

Example:
  $ holdfast fence on host-a`;

async function on(context: CommandContext, command: Command, name: string, options: Options): Promise<ExitCode> {
  return context.withCluster(command, async (session) => {
    const { cluster, links } = session;
    const { terminal, clock } = context.ports;
    const host = fencedHost(session, name);
    const others = othersThan(cluster, host);
    const able = cluster.hosts.filter((one) => others.includes(one.name));
    const asked = firstThatAnswers(able, (one) => postFence(links.of(one.name), "on", host));
    const reading = await withProgress(terminal, clock, `giving ${host} its power back`, asked);
    if (options.json) context.printJson(reading);
    else context.print(told(reading));
    return reading.state === "on" ? exitCodes.ok : exitCodes.failed;
  });
}

function confirmCommand(context: CommandContext): Command {
  const command = new Command("confirm");
  return command
    .description("swear that a host is off, where its device cannot say so and nobody takes over")
    .argument("<host>")
    .option("-y, --yes", "do not ask; needed where nobody can be asked")
    .addOption(jsonOption())
    .addHelpText("after", confirmHelp)
    .action((host: string, options: Options) => context.finish(confirm(context, command, host, options)));
}

const confirmHelp = `
Only for a standby that waits for this and nothing else (holdfast status says which, and for whom).
Look at the host with your own eyes, or have somebody pull its plug: if it runs and is merely cut off
or paused, TWO HOSTS CAN SIGN AT ONCE, for as long as its lease had left. It counts for this one
take-over. A machine that was suspended to disk is off, and goes on as a paused one does: it is not
off for good.

Exit codes: 0 a standby took your word for it, 1 none did.

Example:
  $ holdfast fence confirm host-a`;

async function confirm(context: CommandContext, command: Command, name: string, options: Options): Promise<ExitCode> {
  return context.withCluster(command, async (session) => {
    const { cluster, links } = session;
    // It need not be in the stack any more: the agents know whom they wait for.
    const { data: host } = hostNameSchema.safeParse(name);
    if (host === undefined) throw new HoldfastError("HF_USAGE", `"${name}" is no host's name.`);
    const others = othersThan(cluster, host);
    const question = `Are you sure that ${host} has no power? If it runs, two hosts can sign at once.`;
    await wanted(context, question, options);
    const answers = await Promise.all(
      others.map(async (by) => {
        try {
          await postConfirm(links.of(by), host);
          return { by, taken: true, because: `${by} takes your word for it` };
        } catch (error) {
          return { by, taken: false, because: plainReason(error) };
        }
      }),
    );
    if (options.json) context.printJson(answers);
    else for (const { because } of answers) context.print(`${because}.`);
    return answers.some(({ taken }) => taken) ? exitCodes.ok : exitCodes.failed;
  });
}

const told = ({ host, state, because }: PowerReading): string =>
  `${state === null ? `It is not known whether ${host} is on` : `${host} is ${state}`}: ${because}.`;

/** Those that use its device. @throws HoldfastError HF_REFUSED where there is none */
function othersThan(cluster: StackOutputs, host: string): string[] {
  const others = validators(cluster).filter((one) => one !== host);
  if (others.length > 0) return others;
  throw new HoldfastError("HF_REFUSED", `No other host has neard, so none would ever power ${host} off.`, {
    next: "Add a second host with neard: docs/operate/changes.md.",
  });
}

/** @throws HoldfastError HF_USAGE for one that is never fenced */
function fencedHost({ cluster }: ClusterSession, name: string): string {
  const host = findHost(cluster, name);
  if (host.roles.includes("neard")) return host.name;
  throw new HoldfastError("HF_USAGE", `${name} has no neard, so it is never powered off.`, {
    next: `Name one of these: ${validators(cluster).join(", ")}.`,
  });
}

/** What cannot be taken back is not done by a script that nobody told to: elsewhere no terminal means yes. */
async function wanted({ ports }: CommandContext, question: string, { yes }: Options): Promise<void> {
  if (yes) return;
  const { terminal } = ports;
  if (!terminal.interactive)
    throw new HoldfastError("HF_USAGE", "There is nobody to ask.", {
      next: "Give --yes if it shall be done all the same.",
    });
  if (!(await terminal.confirm(question))) throw new HoldfastError("HF_REFUSED", "Nothing was changed.");
}
