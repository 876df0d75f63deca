/** One step of replacing a host, as next-step.ts decided it. */
import { HoldfastError } from "../../contract/errors.ts";
import type { HostNow } from "../../contract/taking-away.ts";
import { checkHosts } from "../check/check-hosts.ts";
import { type ClusterSession, findHost } from "../command-context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { Ports, StackHost } from "../ports.ts";
import { askHosts, confirmClaims } from "../status/ask-hosts.ts";
import { startProgress, withProgress } from "../terminal/progress.ts";
import { drainHost } from "./drain-host.ts";
import { lookAtMachine, type Machine } from "./machine.ts";
import { settingsHostKey } from "./new-host-key.ts";
import { missingOn, nextStep } from "./next-step.ts";
import { done, machineNeeded, machineSteps, type ReplaceReport } from "./words.ts";

/** What one call of the command is about, and what it has done so far. */
export interface Replacement {
  readonly host: string;
  /** Nobody is asked. */
  isAgreed: boolean;
  readonly withoutStandby: boolean;
  /** Holds for one time only: the machine that comes of it is not meant. */
  anew: boolean;
  /** On the monotonic clock. */
  readonly giveUpMs: number;
  readonly did: ("drained" | "deployed")[];
}

export interface End {
  readonly code: ExitCode;
  /** For people. */
  readonly text: string;
  readonly report: ReplaceReport | null;
}

const lookEveryMs = 2000;

/** @throws HoldfastError HF_REFUSED, HF_TIMEOUT, HF_APPLY_FAILED and those of the parts */
export async function takeStep(
  ports: Ports,
  session: ClusterSession,
  stack: string | undefined,
  replacement: Replacement,
): Promise<End | "go-on"> {
  const { terminal, clock } = ports;
  const { cluster, links } = session;
  const host = findHost(cluster, replacement.host);
  const settings = `Pulumi.${(stack ?? ports.selectedStack() ?? "<stack>").split("/").at(-1)}.yaml`;
  const seen = await withProgress(terminal, clock, "asking the hosts", look(ports, session, host, stack));
  const step = nextStep({ ...replacement, ...seen });
  const end = (code: ExitCode, text: string, state: ReplaceReport["state"], next: readonly string[]): End => ({
    code,
    text,
    report: { host: host.name, state, did: replacement.did, next },
  });
  switch (step.do) {
    case "refuse":
      throw new HoldfastError("HF_REFUSED", `${host.name} is not replaced now: ${step.reasons.join("; and ")}.`, {
        next: step.next,
      });
    case "await-machine":
      return end(
        exitCodes.degraded,
        machineNeeded(host, step.dead, settings),
        "machine-needed",
        machineSteps(host, settings),
      );
    case "set-host-key": {
      const next = `If it is the new machine: read its key on its console, put it into ${settings} as hostKey of ${host.name}, and call it again.`;
      return end(exitCodes.degraded, `${step.message}\n${next}`, "host-key-needed", [next]);
    }
    case "drain":
      return (await drained(ports, session, replacement, seen.hosts)) ?? "go-on";
    case "deploy":
      return (await deployed(ports, stack, replacement)) ?? "go-on";
    case "await-healthy":
      return (await healthy(ports, session, host, replacement)) ?? "go-on";
    case "done": {
      const [checked] = await withProgress(terminal, clock, `checking ${host.name}`, checkHosts([links.of(host.name)]));
      const faults = checked?.error?.message ?? checked?.drift.map(({ what, why }) => `${what} (${why})`).join(", ");
      if (faults !== undefined && faults !== "")
        throw new HoldfastError("HF_APPLY_FAILED", `${host.name} is healthy, but not as it was deployed: ${faults}.`, {
          next: `Run pulumi up, which mends it, then look again: holdfast check.`,
        });
      const active = seen.hosts.find(({ status }) => status?.role === "active")?.name ?? null;
      return end(exitCodes.ok, done(host, active), "done", []);
    }
  }
}

interface Seen {
  readonly hosts: readonly HostNow[];
  readonly machine: Machine;
  readonly withNewKey: Machine | null;
  readonly missing: string | null;
}

async function look(
  ports: Ports,
  { cluster, links }: ClusterSession,
  host: StackHost,
  stack: string | undefined,
): Promise<Seen> {
  const asked = askHosts(
    links,
    cluster.hosts.map(({ name }) => name),
  ).then((answers) => confirmClaims(links, answers));
  const [answers, machine] = await Promise.all([asked, lookAtMachine(links.of(host.name))]);
  const statuses = new Map(answers.map((answer) => [answer.host, "status" in answer ? answer.status : null]));
  const hosts = cluster.hosts.map(({ name, roles }): HostNow => ({ name, roles, status: statuses.get(name) ?? null }));
  const own = hosts.find(({ name }) => name === host.name) as HostNow;
  const withNewKey = machine.is === "other-key" ? await lookWithNewKey(ports, cluster, host, stack) : null;
  return { hosts, machine, withNewKey, missing: missingOn(own) };
}

/** Null: the settings have no other key than the stack. */
async function lookWithNewKey(
  ports: Ports,
  cluster: ClusterSession["cluster"],
  host: StackHost,
  stack: string | undefined,
): Promise<Machine | null> {
  const name = stack ?? ports.selectedStack();
  const hostKey = name === undefined ? null : await settingsHostKey(ports.checkout, name, host.name);
  if (hostKey === null || hostKey === host.ssh.hostKey) return null;
  const link = ports.link(cluster, { ...host, ssh: { ...host.ssh, hostKey } });
  try {
    return await lookAtMachine(link);
  } finally {
    link.close();
  }
}

const interruptedText = (host: string) =>
  `Interrupted. Call it again, it goes on from there: holdfast replace ${host}.`;
const interrupted = (host: string): End => ({ code: exitCodes.interrupted, text: interruptedText(host), report: null });

async function drained(
  ports: Ports,
  { cluster, links }: ClusterSession,
  replacement: Replacement,
  hosts: readonly HostNow[],
): Promise<End | null> {
  const { host: name } = replacement;
  if (replacement.did.includes("drained"))
    throw new HoldfastError("HF_APPLY_FAILED", `${name} said that it is out of service, and it is not.`, {
      next: "Somebody may have run pulumi up meanwhile. Look at it: holdfast status.",
    });
  const isActive = hosts.some((host) => host.name === name && host.status?.role === "active");
  const question = `Take ${name} out of service, for its machine to be replaced?${isActive ? " It is active: the key moves first." : ""}`;
  if (!replacement.isAgreed && !(await ports.terminal.confirm(question)))
    return { code: exitCodes.failed, text: "Nothing was changed.", report: null };
  replacement.isAgreed = true;
  const progress = startProgress(ports.terminal);
  try {
    const { account, network } = cluster;
    const onProgress = (line: string) => progress.update(line);
    if (!(await drainHost(links.of(name), { account, network, signal: ports.interrupted, onProgress })))
      return interrupted(name);
  } finally {
    progress.end();
  }
  replacement.did.push("drained");
  replacement.anew = false;
  return null;
}

async function deployed(ports: Ports, stack: string | undefined, replacement: Replacement): Promise<End | null> {
  const { host: name } = replacement;
  if (replacement.did.includes("deployed"))
    throw new HoldfastError("HF_APPLY_FAILED", `pulumi up went through, and ${name} has nothing of it.`, {
      next: `Is ${name} still in holdfast:hosts? See what a preview says: pulumi preview.`,
    });
  const asked = replacement.isAgreed ? ["--yes", "--skip-preview"] : [];
  const code = await ports.pulumi(stack, ["up", ...asked]);
  if (ports.interrupted.aborted || code === exitCodes.interrupted) return interrupted(name);
  if (code !== 0)
    throw new HoldfastError("HF_APPLY_FAILED", `pulumi up ended with exit code ${code}; ${name} is not done.`, {
      next: `Its messages are above. Mend the cause, then call it again, it goes on from there: holdfast replace ${name}.`,
    });
  replacement.did.push("deployed");
  return null;
}

/** Until it is as it was before. */
async function healthy(
  ports: Ports,
  { cluster, links }: ClusterSession,
  { name, roles }: StackHost,
  { giveUpMs }: Replacement,
): Promise<End | null> {
  const { clock, terminal } = ports;
  const progress = startProgress(terminal);
  const startMs = clock.monotonicMs();
  try {
    for (;;) {
      const [answer] = await askHosts(links, [name]);
      const status = answer !== undefined && "status" in answer ? answer.status : null;
      const missing = missingOn({ name, roles, status });
      if (missing === null) return null;
      if (clock.monotonicMs() >= giveUpMs)
        throw new HoldfastError("HF_TIMEOUT", `${name} is not healthy yet: ${missing}.`, {
          next: `See what it does: holdfast logs ${name}. Call it again, it waits on: holdfast replace ${name}; --anew replaces the machine once more.`,
        });
      const waited = Math.round((clock.monotonicMs() - startMs) / 1000);
      progress.update(`waiting for the new machine of ${name} on ${cluster.network}: ${missing} (${waited} s)`);
      await clock.sleep(lookEveryMs, ports.interrupted);
      if (ports.interrupted.aborted) return interrupted(name);
    }
  } finally {
    progress.end();
  }
}
