/** One step of replacing a host, as next-step.ts decided it. */
import { replaceVariable, serverUrn } from "../../contract/cloud.ts";
import { HoldfastError } from "../../contract/errors.ts";
import type { HostNow } from "../../contract/taking-away.ts";
import { checkHosts } from "../check/check-hosts.ts";
import { type ClusterSession, findHost } from "../command-context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { HostLink, Ports, StackHost } from "../ports.ts";
import { askHosts } from "../status/ask-hosts.ts";
import { startProgress, withProgress } from "../terminal/progress.ts";
import { serverOf } from "./cloud-server.ts";
import { drainHost } from "./drain-host.ts";
import { hostsNow } from "./hosts-now.ts";
import { lookAtMachine, type Machine } from "./machine.ts";
import { settingsHostKey } from "./new-host-key.ts";
import { type CloudServer, missingOn, nextStep, type Replacement } from "./next-step.ts";
import { callAgain, done, machineNeeded, machineSteps, nothingToDo, type ReplaceReport } from "./words.ts";

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
  const settings = `Pulumi.${stackName(ports, stack)}.yaml`;
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
      return (
        (host.cloud == null ? null : await previewed(ports, stack, replacement)) ??
        (await drained(ports, session, replacement, seen.hosts)) ??
        "go-on"
      );
    case "make-machine": {
      const question = `${host.name} does not answer. Delete its server with all that is on it, and make a new one?`;
      if (step.dead && !(await isAgreed(ports, replacement, question))) return nothingDone;
      return (await upped(ports, stack, replacement, await serverRun(ports, stack, host.name))) ?? "go-on";
    }
    case "deploy": {
      const run = { more: step.refresh ? ["--refresh"] : [], variables: {}, did: "deployed" } as const;
      return (await upped(ports, stack, replacement, run)) ?? "go-on";
    }
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
      const text = replacement.did.length === 0 ? nothingToDo(host, seen.machine) : done(host, active);
      return end(exitCodes.ok, text, "done", []);
    }
  }
}

interface Seen {
  readonly hosts: readonly HostNow[];
  readonly machine: Machine;
  readonly withNewKey: Machine | null;
  readonly cloud: CloudServer | "absent" | "unknown" | null;
  readonly missing: string | null;
}

async function look(ports: Ports, session: ClusterSession, host: StackHost, stack: string | undefined): Promise<Seen> {
  const { cluster } = session;
  // Over a link of its own: a question to a silent agent closes the one that it was asked over.
  const [hosts, machine] = await Promise.all([hostsNow(session), lookBy(ports.link(cluster, host))]);
  const own = hosts.find(({ name }) => name === host.name) as HostNow;
  const withNewKey = machine.is === "other-key" ? await lookWithNewKey(ports, cluster, host, stack) : null;
  // Who lets us in need not be asked for.
  const isSeen = machine.is !== "silent" && machine.is !== "shut-out";
  const cloud = !isSeen || host.cloud == null ? await serverOf(ports, cluster, host) : "unknown";
  return { hosts, machine, withNewKey, cloud, missing: missingOn(own) };
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
  return await lookBy(ports.link(cluster, { ...host, ssh: { ...host.ssh, hostKey } }));
}

async function lookBy(link: HostLink): Promise<Machine> {
  try {
    return await lookAtMachine(link);
  } finally {
    link.close();
  }
}

const nothingDone: End = { code: exitCodes.failed, text: "Nothing was changed.", report: null };

const isAgreed = async ({ terminal }: Ports, { asks }: Replacement, question: string): Promise<boolean> =>
  !asks || (await terminal.confirm(question));

/** Alone, without its organization and project. */
const stackName = (ports: Ports, stack: string | undefined) =>
  (stack ?? ports.selectedStack() ?? "<stack>").split("/").at(-1) ?? "";

async function projectName(checkout: Ports["checkout"]): Promise<string> {
  return /^name: *(\S+)/m.exec((await checkout.read(null, "Pulumi.yaml")) ?? "")?.[1] ?? "holdfast";
}

const interrupted = (replacement: Replacement): End => ({
  code: exitCodes.interrupted,
  text: `Interrupted. Call it again, it goes on from there: ${callAgain(replacement)}.`,
  report: null,
});

/** `pulumi up` for another server of a host at a cloud. */
async function serverRun(ports: Ports, stack: string | undefined, host: string) {
  const urn = serverUrn(stackName(ports, stack), await projectName(ports.checkout), host);
  return { more: ["--replace", urn], variables: { [replaceVariable]: host }, did: "machine-made" } as const;
}

/**
 * Whether all that Pulumi asks before it makes another server is answered well: a type that is sold out, a location that cannot
 * be, or any setting that waits to be deployed would otherwise be told when the host is out of service already.
 */
async function previewed(ports: Ports, stack: string | undefined, replacement: Replacement): Promise<End | null> {
  const { host: name } = replacement;
  const { more, variables } = await serverRun(ports, stack, name);
  const code = await ports.pulumi(stack, ["preview", ...more], variables);
  if (ports.interrupted.aborted || code === exitCodes.interrupted) return interrupted(replacement);
  if (code === 0) return null;
  throw new HoldfastError(
    "HF_APPLY_FAILED",
    `pulumi preview of another server for ${name} ended with exit code ${code}; nothing was changed.`,
    { next: `Its messages are above. Mend the cause, then call it again: ${callAgain(replacement)}.` },
  );
}

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
  const fate =
    cluster.hosts.find((host) => host.name === name)?.cloud == null
      ? ""
      : " Its server is deleted then, with all that is on its disk.";
  const question = `Take ${name} out of service, for its machine to be replaced?${fate}${isActive ? " It is active: the key moves first." : ""}`;
  if (!(await isAgreed(ports, replacement, question))) return nothingDone;
  const progress = startProgress(ports.terminal);
  try {
    const { account, network } = cluster;
    const onProgress = (line: string) => progress.update(line);
    const again = callAgain(replacement);
    if (!(await drainHost(links.of(name), { account, network, again, signal: ports.interrupted, onProgress })))
      return interrupted(replacement);
  } finally {
    progress.end();
  }
  replacement.did.push("drained");
  replacement.anew = false;
  return null;
}

interface Run {
  readonly more: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  readonly did: "deployed" | "machine-made";
}

/** `pulumi up`, once for each purpose. */
async function upped(
  ports: Ports,
  stack: string | undefined,
  replacement: Replacement,
  { more, variables, did }: Run,
): Promise<End | null> {
  const { host: name } = replacement;
  if (replacement.did.includes(did))
    throw new HoldfastError("HF_APPLY_FAILED", `pulumi up went through, and ${name} has nothing of it.`, {
      next: `Is ${name} still in holdfast:hosts? See what a preview says: pulumi preview.`,
    });
  // Otherwise it shows what it is going to do, and asks by itself.
  const asked = replacement.asks ? [] : ["--yes", "--skip-preview"];
  const code = await ports.pulumi(stack, ["up", ...more, ...asked], variables);
  if (ports.interrupted.aborted || code === exitCodes.interrupted) return interrupted(replacement);
  if (code !== 0)
    throw new HoldfastError("HF_APPLY_FAILED", `pulumi up ended with exit code ${code}; ${name} is not done.`, {
      next: `Its messages are above. Mend the cause, then call it again, it goes on from there: holdfast replace ${name}.`,
    });
  replacement.did.push(did);
  replacement.anew = false;
  return null;
}

/** Until it is as it was before. */
async function healthy(
  ports: Ports,
  { cluster, links }: ClusterSession,
  { name, roles }: StackHost,
  replacement: Replacement,
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
      if (clock.monotonicMs() >= replacement.giveUpMs)
        throw new HoldfastError("HF_TIMEOUT", `${name} is not healthy yet: ${missing}.`, {
          next: `See what it does: holdfast logs ${name}. Call it again, it waits on: holdfast replace ${name}. If it never gets so, switch the machine off first: a dead one is replaced.`,
        });
      const waited = Math.round((clock.monotonicMs() - startMs) / 1000);
      progress.update(`waiting for the new machine of ${name} on ${cluster.network}: ${missing} (${waited} s)`);
      await clock.sleep(lookEveryMs, ports.interrupted);
      if (ports.interrupted.aborted) return interrupted(replacement);
    }
  } finally {
    progress.end();
  }
}
