import { Command, InvalidArgumentError } from "commander";
import { type ClusterSession, type CommandContext, jsonOption } from "../command-context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { postSwitchover } from "../hosts/agent-client.ts";
import { askHosts, confirmClaims } from "../status/ask-hosts.ts";
import { clusterView } from "../status/cluster-view.ts";
import { awaitHeard, formatHeard, isHeard } from "../switchover/await-heard.ts";
import { followSwitchover } from "../switchover/follow-switchover.ts";
import { findOutcome, formatOutcome } from "../switchover/outcome.ts";
import { planSwitchover, type SwitchoverPlan } from "../switchover/plan-switchover.ts";
import { startProgress, withProgress } from "../terminal/progress.ts";

interface Options {
  readonly to?: string;
  readonly window?: boolean;
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly timeout?: number;
  readonly heardTimeout: number;
}

/** A switchover takes a second or two; longer than this means that something hangs. */
const timeoutS = 60;
/** With --window it also waits for a stretch without work of ours. */
const windowTimeoutS = 900;
/** The first duty of the new holder comes within seconds; a chain that has not taken anything by then does not hear it. */
const heardTimeoutS = 30;

export function switchoverCommand(context: CommandContext): Command {
  const command = new Command("switchover");
  return command
    .description("move the validator key from the active host to a standby")
    .option("--to <host>", "the standby that shall take over; default: the best one that is ready")
    .option("--window", "wait for a stretch in which the validator has nothing to sign")
    .option("-y, --yes", "do not ask")
    .option(
      "--timeout <seconds>",
      `how long to follow it (default: ${timeoutS}, with --window ${windowTimeoutS})`,
      seconds,
    )
    .option(
      "--heard-timeout <seconds>",
      "how long to wait until the chain takes what the new host signs; 0: do not wait",
      secondsOrNone,
      heardTimeoutS,
    )
    .addOption(jsonOption())
    .addHelpText("after", switchoverHelp)
    .action((options: Options) => context.finish(run(context, command, options)));
}

const switchoverHelp = `
The active host shuts its fence, gives the key up and names its successor, which then
takes it. It works while the cluster is paused. The key never is on two hosts. It is done
when the chain takes what the successor signs; the last line says so, or that it does not yet.

Exit codes: 0 the key has moved and is heard (or nothing fell due for it meanwhile), 1 it has
not moved, 4 it has moved, but the chain does not take what the new host signs yet.

Examples:
  $ holdfast switchover
  $ holdfast switchover --to host-b --window
  $ holdfast switchover --yes --json`;

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("Give a number of seconds above 0.");
  return value;
}

function secondsOrNone(text: string): number {
  return Number(text) === 0 ? 0 : seconds(text);
}

async function run(context: CommandContext, command: Command, options: Options): Promise<ExitCode> {
  return context.withCluster(command, async (session) => {
    const plan = await makePlan(context, session, options.to);
    if (!(await isWanted(context, plan, options))) {
      context.ports.terminal.err("Nothing was changed.\n");
      return exitCodes.failed;
    }
    return move(context, session, plan, options);
  });
}

async function makePlan(context: CommandContext, { cluster, links }: ClusterSession, to: string | undefined) {
  const { terminal, clock } = context.ports;
  const names = cluster.hosts.map((host) => host.name);
  const asked = askHosts(links, names).then((answers) => confirmClaims(links, answers));
  return planSwitchover(clusterView(cluster, await withProgress(terminal, clock, "asking the hosts", asked)), to);
}

/** Scripts are not asked: who runs this without a terminal has decided. */
async function isWanted(context: CommandContext, plan: SwitchoverPlan, options: Options): Promise<boolean> {
  const { terminal } = context.ports;
  if (options.yes || !terminal.interactive) return true;
  const target =
    plan.to ?? (plan.candidates.length === 1 ? plan.candidates[0] : `one of ${plan.candidates.join(", ")}`);
  return terminal.confirm(`Move the validator key from ${plan.from} to ${target}?`);
}

async function move(
  context: CommandContext,
  { links }: ClusterSession,
  plan: SwitchoverPlan,
  options: Options,
): Promise<ExitCode> {
  const { ports } = context;
  const window = options.window ?? false;
  const id = await postSwitchover(links.of(plan.from), { window, ...(plan.to === null ? {} : { to: plan.to }) });
  const progress = startProgress(ports.terminal);
  try {
    const end = await followSwitchover(ports, links, id, {
      from: plan.from,
      candidates: plan.candidates,
      epochBefore: plan.epoch,
      timeoutMs: (options.timeout ?? (window ? windowTimeoutS : timeoutS)) * 1000,
      onProgress: (now) => progress.update(`${now.from} → ${now.to}: ${now.because}`),
    });
    progress.end();
    if (end === "interrupted") {
      ports.terminal.err("The switchover goes on without being watched. See where it stands: holdfast status.\n");
      return exitCodes.interrupted;
    }
    const outcome = await findOutcome(ports.clock, links, end, plan.epoch);
    if (end.state !== "done") {
      context.print(options.json ? JSON.stringify(outcome, null, 2) : formatOutcome(outcome));
      return exitCodes.failed;
    }
    if (!options.json) context.print(formatOutcome(outcome));
    const heard = await awaitHeard(ports, links, outcome.to, {
      timeoutMs: options.heardTimeout * 1000,
      onProgress: (because) => progress.update(`${outcome.to}: ${because}`),
    });
    progress.end();
    if (options.json) context.printJson({ ...outcome, heard: heard.status });
    else context.print(formatHeard(outcome.to, heard));
    if (ports.interrupted.aborted) return exitCodes.interrupted;
    return isHeard(heard) ? exitCodes.ok : exitCodes.degraded;
  } finally {
    progress.end();
  }
}
