/** `holdfastd apply | check | remove`: words only; what they do is in converge.ts, check.ts, remove.ts. */
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, InvalidArgumentError } from "commander";
import { HoldfastError, plainReason } from "../contract/errors.ts";
import { paths } from "../contract/paths.ts";
import { type ConvergeReport, type HostSpec, type Secrets, specOnStdin } from "../contract/wire/host-spec.ts";
import { AclConsul } from "./acl-consul.ts";
import { allQuestions, check as checkConcern, type Question, questionOf } from "./check.ts";
import { type Change, converge } from "./converge.ts";
import { hasSystemdCreds, unsealAll } from "./credentials.ts";
import { drain as drainHost } from "./drain.ts";
import { drainThisHost, requireThisHost } from "./drain-this-host.ts";
import { withHostLock } from "./host-lock.ts";
import { claimHost, claimIn, requireOwner } from "./identity.ts";
import { takeBackAndLeave } from "./leave-consul.ts";
import { leave, leaveAtSignals } from "./left.ts";
import { lookFor } from "./look.ts";
import { resetFileOnDisk, resetManagement } from "./management-token.ts";
import { readMountPoints } from "./mounts.ts";
import { fitToMounts, missingMount, requireMount } from "./neard-mount.ts";
import { exitNotAllUnsealed, fitToOldSystemd } from "./old-systemd.ts";
import { progressOn } from "./progress.ts";
import { removeAll, removeConcern } from "./remove.ts";
import { retireTokens } from "./retire.ts";
import { revokeToken } from "./revoke.ts";
import { parseConcern, parseSecrets, parseSpec, requireSecrets, specFrom } from "./spec.ts";
import { specStore, thisHost } from "./this-host.ts";

/** Exit codes: 0 as wanted, 1 an error, 3 `check` found differences, 4 `unseal` could not unseal all. */
const exitDrift = 3;

export function registerConvergeCommands(program: Command): void {
  // Root's own may be 077, and what others read of ours would be for root alone. What is secret says so by its mode.
  process.umask(0o022);
  for (const stream of [process.stdout, process.stderr]) stream.on("error", outliveReader);
  program
    .command("apply")
    .description("make this host what a spec says; secrets come as one JSON object on stdin")
    .requiredOption(
      "--spec <file>",
      "the spec of one concern, such as /dev/fd/3; -: it is on stdin, beside the secrets",
    )
    .option("--others-within <seconds>", "how long all other hosts together may take before this one", seconds, 1200)
    .option("--json", "end with one line of JSON")
    .action((options: ApplyOptions) => apply(options));
  program
    .command("check")
    .description("say what differs from the spec, changing nothing; exit code 3 when something does")
    .option("--concern <name>", "the concern to check against its stored spec")
    .option("--all", "all concerns that were applied")
    .option("--mendable", "only what an apply would mend: not what others have added to our units")
    .option("--spec <file>", "check against this spec instead; secrets, if any, on stdin")
    .option("--json", "end with one line of JSON for each concern")
    .action((options: CheckOptions) => check(options));
  program
    .command("remove")
    .description("take a concern off this host; nothing to do when it is gone already")
    .option("--concern <name>", "the concern")
    .option("--all", "everything of holdfast that is here")
    .option("--deployment <id>", "the deployment that this host belongs to; another one's is refused")
    .option("--json", "end with one line of JSON")
    .action((options: RemoveOptions) => remove(options));
  program
    .command("drain")
    .description("take this host out of service, for its machine is going to be replaced; pulumi up takes it back")
    .requiredOption("--host <name>", "which host of its deployment this is; another one is refused")
    .requiredOption("--account <account>", "of that deployment")
    .requiredOption("--network <network>", "of that deployment")
    .option("--json", "end with one line of JSON")
    .action((options: DrainOptions) => drain(options));
  program
    .command("revoke")
    .description("take back the token of a host that has left; secrets come as one JSON object on stdin")
    .requiredOption("--host <name>", "the host that has left")
    .requiredOption("--management-secret <name>", "which of the secrets is Consul's management token")
    .action((options: { host: string; managementSecret: string }) => revoke(options));
  program
    .command("retire-tokens")
    .description("delete tokens whose host has another one by now; all hosts' tokens come as one JSON object on stdin")
    .requiredOption("--management-secret <name>", "which of the secrets is Consul's management token")
    .action((options: { managementSecret: string }) => retire(options));
  program
    .command("acl-reset")
    .description(
      "have Consul, which was set up with another management token, take the one on stdin; on all servers at once",
    )
    .requiredOption("--management-secret <name>", "which of the secrets on stdin it is")
    .action((options: { managementSecret: string }) => resetAcl(options));
  program
    .command("leave-consul")
    .description(
      "take back this host's token and leave Consul, if its agent is removed; secrets as one JSON object on stdin",
    )
    .requiredOption("--management-secret <name>", "which of the secrets is Consul's management token")
    .requiredOption("--deployment <id>", "the deployment that this host belongs to; another one's is refused")
    .action(leaveIt);
  program
    .command("unseal")
    .description("unseal this host's credentials into memory, where systemd is too old to (holdfast-unseal.service)")
    .action(unsealThem);
}

/** Whoever listened has gone (Pulumi was cancelled, SSH broke): a host half done is worse than a report unread. */
function outliveReader(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  leave("nobody reads its report any more");
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("Give a whole number above 0.");
  return value;
}

/** A person waits for these two; an apply on this host may take hours. */
const checkWithinMs = 60_000;
const removeWithinMs = 120_000;
/** All servers try at the same time, and an election may come between. */
const resetWithinMs = 60_000;

interface ApplyOptions {
  readonly spec: string;
  readonly othersWithin: number;
  readonly json?: true;
}

interface RemoveOptions {
  readonly concern?: string;
  readonly all?: true;
  readonly deployment?: string;
  readonly json?: true;
}

interface DrainOptions {
  readonly host: string;
  readonly account: string;
  readonly network: string;
  readonly json?: true;
}

interface CheckOptions {
  readonly concern?: string;
  readonly all?: true;
  readonly mendable?: true;
  readonly spec?: string;
  readonly json?: true;
}

async function apply(options: ApplyOptions): Promise<void> {
  const startMs = performance.now();
  leaveAtSignals();
  const secrets = parseSecrets(await readStdin());
  const spec = await readSpec(options.spec, secrets);
  requireSecrets(spec, secrets);
  const progress = progressOn(spec.host, spec.concern);
  const changed = reporter("changed");
  const withinMs = options.othersWithin * 1000;
  await withHostLock({ withinMs, host: spec.host, takesOver: true }, progress, async () => {
    await claimHost(claimIn(secrets), spec.host, specStore);
    requireMount(spec, await readMountPoints());
    const othersWithinMs = withinMs - (performance.now() - startMs);
    await converge(thisHost(spec.concern, { secrets, progress, othersWithinMs }), spec, secrets, changed.add);
  });
  report(spec.host, spec.concern, changed.all, "nothing to do", startMs, options.json);
}

async function check(options: CheckOptions): Promise<void> {
  const startMs = performance.now();
  const secrets = options.spec === undefined ? null : parseSecrets(await readStdin());
  const questions = await questionsOf(options, secrets);
  const mounts = await readMountPoints();
  const look = lookFor(questions.flatMap(({ spec }) => spec ?? []));
  const ask = async (question: Question) => {
    if (question.spec !== null && secrets !== null) requireSecrets(question.spec, secrets);
    return await checkConcern(question, secrets, specStore, progressOn(hostname(), question.concern), look);
  };
  // One lock for all of them, and all at once: they only read.
  const answers = await withHostLock(
    { withinMs: checkWithinMs, host: hostname() },
    progressOn(hostname(), "check"),
    async () => {
      const all = await Promise.all(questions.map(ask));
      await look.remember();
      return all;
    },
  );
  for (const [position, { concern, spec }] of questions.entries()) {
    const differs = reporter("differs");
    const { changes = [], foreign = [], notes = [] } = answers[position] ?? {};
    for (const change of [...changes, ...(options.mendable === true ? [] : foreign)]) differs.add(change);
    const missing = spec === null ? null : missingMount(spec, mounts);
    if (missing !== null) differs.add({ what: paths.neardHome, why: missing });
    for (const { what, why } of notes) process.stdout.write(`note: ${what} (${why})\n`);
    if (differs.all.length > 0) process.exitCode = exitDrift;
    report(spec?.host ?? hostname(), concern, differs.all, "as wanted", startMs, options.json, notes);
  }
}

async function questionsOf(options: CheckOptions, secrets: Secrets | null): Promise<Question[]> {
  if (options.spec !== undefined) {
    const spec = await readSpec(options.spec, secrets ?? {});
    return [{ concern: spec.concern, spec }];
  }
  if (options.concern !== undefined) return [await questionOf(parseConcern(options.concern), specStore)];
  if (options.all !== true) throw new HoldfastError("HF_USAGE", "check needs --concern NAME, --all or --spec FILE.");
  const questions = await allQuestions(specStore);
  if (questions.length === 0) process.stdout.write(`${hostname()}: nothing was applied\n`);
  return questions;
}

async function remove(options: RemoveOptions): Promise<void> {
  const startMs = performance.now();
  if ((options.concern === undefined) === (options.all === undefined))
    throw new HoldfastError("HF_USAGE", "remove needs --concern NAME or --all.");
  const concern = options.concern === undefined ? null : parseConcern(options.concern);
  const host = (await specStore.readSpec(concern ?? "system"))?.host ?? hostname();
  const name = concern ?? "all";
  const progress = progressOn(host, name);
  const removed = reporter("removed");
  const context = { host, store: specStore, progress, done: removed.add };
  await withHostLock({ withinMs: removeWithinMs, host }, progress, async () => {
    await requireOwner(options.deployment ?? null, host);
    await (concern === null ? removeAll(context) : removeConcern(concern, context));
  });
  report(host, name, removed.all, "nothing to do", startMs, options.json);
}

async function drain({ host, account, network, json }: DrainOptions): Promise<void> {
  const startMs = performance.now();
  leaveAtSignals();
  const progress = progressOn(host, "drain");
  const drained = reporter("drained");
  await withHostLock({ withinMs: removeWithinMs, host }, progress, async () => {
    await requireThisHost(host, account, network);
    await drainHost(drainThisHost(host, progress, drained.add), drained.add);
  });
  report(host, "drain", drained.all, "out of service already", startMs, json);
}

async function revoke({ host, managementSecret }: { host: string; managementSecret: string }): Promise<void> {
  const token = await secretOnStdin(managementSecret);
  await revokeToken(host, token, { progress: progressOn(hostname(), "acl"), done: reporter("removed").add });
}

async function retire({ managementSecret }: { managementSecret: string }): Promise<void> {
  const secrets = parseSecrets(await readStdin());
  const token = required(secrets, managementSecret);
  const retired = reporter("removed");
  await retireTokens(token, secrets, { progress: progressOn(hostname(), "acl"), done: retired.add });
}

async function resetAcl({ managementSecret }: { managementSecret: string }): Promise<void> {
  const consul = await AclConsul.open(await secretOnStdin(managementSecret));
  try {
    await resetManagement(consul, resetFileOnDisk, {
      withinMs: resetWithinMs,
      progress: progressOn(hostname(), "acl"),
      done: reporter("changed").add,
      nowMs: () => performance.now(),
      sleep: async (ms) => void (await sleep(ms)),
    });
  } finally {
    consul.close();
  }
}

async function leaveIt(options: { managementSecret: string; deployment: string }): Promise<void> {
  const token = await secretOnStdin(options.managementSecret);
  const host = (await specStore.readSpec("consul"))?.host ?? hostname();
  const progress = progressOn(host, "consul");
  await withHostLock({ withinMs: removeWithinMs, host }, progress, async () => {
    await requireOwner(options.deployment, host);
    await takeBackAndLeave({ host, store: specStore, progress, done: reporter("removed").add }, token);
  });
}

async function secretOnStdin(name: string): Promise<string> {
  return required(parseSecrets(await readStdin()), name);
}

function required(secrets: Secrets, name: string): string {
  const secret = secrets[name];
  if (secret === undefined) throw new HoldfastError("HF_USAGE", `The secret ${name} was not given on stdin.`);
  return secret;
}

async function unsealThem(): Promise<void> {
  const { unsealed, faults } = await unsealAll();
  process.stdout.write(`unsealed: ${unsealed.join(", ") || "none"}\n`);
  for (const fault of faults) process.stderr.write(`holdfastd: ${fault} pulumi up seals it anew.\n`);
  if (faults.length > 0) process.exitCode = exitNotAllUnsealed;
}

/** Prints each change when it happens, and keeps them for the report. */
function reporter(verb: string): { readonly all: readonly Change[]; add(change: Change): void } {
  const all: Change[] = [];
  return {
    all,
    add: (change) => {
      all.push(change);
      process.stdout.write(`${verb} ${change.what} (${change.why})\n`);
    },
  };
}

function report(
  host: string,
  concern: string,
  changed: readonly Change[],
  ifNone: string,
  startMs: number,
  json: true | undefined,
  notes: readonly Change[] = [],
): void {
  if (changed.length === 0) process.stdout.write(`${host} ${concern}: ${ifNone}\n`);
  const full: ConvergeReport = {
    host,
    concern,
    changed: [...changed],
    notes: [...notes],
    tookMs: Math.round(performance.now() - startMs),
  };
  if (json === true) process.stdout.write(`${JSON.stringify(full)}\n`);
}

/** As this host needs it; a stored spec is so already. */
async function readSpec(file: string, stdin: Secrets): Promise<HostSpec> {
  const given = file === specOnStdin.option ? specFrom(stdin) : parseSpec(await readText(file), file);
  const spec = fitToMounts(given, await readMountPoints(), await specStore.readSpec(given.concern));
  return hasSystemdCreds() ? spec : fitToOldSystemd(spec);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new HoldfastError("HF_USAGE", `The spec ${file} cannot be read: ${plainReason(cause)}.`, { cause });
  }
}

/** Nobody types secrets at a terminal. */
async function readStdin(): Promise<string> {
  return process.stdin.isTTY ? "" : await text(process.stdin);
}
