/**
 * The lab's Pulumi stack: made, configured, brought up, removed. What a person would type, in the same
 * order, with the same program; secrets go in by stdin.
 */
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { HoldfastError } from "../../contract/errors.ts";
import { passphraseError } from "../../toolchain/passphrase.ts";
import { type PulumiTools, stackEnvironment } from "../../toolchain/stack.ts";
import { cloudEndpoints } from "../hosts/cloud.ts";
import type { Lab, LabChain, LabCloud } from "../hosts/description.ts";
import { writeAtomic } from "../hosts/files.ts";
import { version } from "../neard/version.ts";
import { fewOpenFiles, mayRaiseFileLimit } from "../real/file-limit.ts";
import { hasSecrets, type StackFacts, stackFile, withoutSecrets } from "./settings.ts";

export interface Stack {
  readonly name: string;
  /** The checkout: the Pulumi project's folder. */
  readonly root: string;
  readonly tools: PulumiTools;
}

/** Files of this checkout's local networks, none of them in git. */
export function localPaths(root: string, lab: { name: string; stack: string }) {
  const all = join(root, ".localnet");
  const backend = join(all, "pulumi", ".pulumi");
  return {
    all,
    /** What belongs to this lab alone. */
    own: join(all, lab.name),
    passphrase: join(all, "passphrase"),
    neard: join(all, lab.name, "neard"),
    /** Checksum of the secrets that were set last. */
    secretsSet: join(all, lab.name, "secrets.sha256"),
    pulumiLog: join(all, lab.name, "pulumi.log"),
    toolsLog: join(all, lab.name, "tools.log"),
    settings: join(root, `Pulumi.${lab.stack}.yaml`),
    backend,
    stacks: join(backend, "stacks", "holdfast"),
    locks: join(backend, "locks", "organization", "holdfast", lab.stack),
  };
}

type LocalPaths = ReturnType<typeof localPaths>;

/** Runs pulumi for the stack; its output. @throws HoldfastError HF_LAB with what it said */
async function pulumi({ name, root, tools }: Stack, args: readonly string[], input?: string): Promise<string> {
  const result = await execa(tools.pulumi.path, [...args, "--stack", name, "--non-interactive", "--color", "never"], {
    cwd: root,
    env: stackEnvironment(tools, root, name),
    extendEnv: false,
    reject: false,
    ...(input === undefined ? { stdin: "ignore" as const } : { input }),
  });
  if (!result.failed) return result.stdout;
  const passphrase = passphraseError(result.stderr);
  if (passphrase !== undefined) throw lostPassphrase(name, passphrase);
  throw new HoldfastError("HF_LAB", `pulumi ${args.slice(0, 2).join(" ")} failed: ${result.stderr.trim()}`, {
    next: "Run npm run localnet again; if it stays so, npm run localnet -- down and begin anew.",
  });
}

/** Sets one secret of the stack's, by stdin. */
export async function pulumiSecret(stack: Stack, key: string, secret: string): Promise<void> {
  await pulumi(stack, ["config", "set", "--secret", "--path", key], secret);
}

/** A lab's passphrase is a file that we made: nobody knows it by heart. */
function lostPassphrase(stack: string, cause: HoldfastError): HoldfastError {
  const message = `.localnet/passphrase is not the one with which the stack ${stack} was made.`;
  return new HoldfastError("HF_PASSPHRASE", message, {
    next: "Put the file back; if it is lost, remove the lab (npm run localnet -- down, with its --lab) and begin anew.",
    cause,
  });
}

/**
 * Makes the stack if there is none, and writes its configuration where it differs.
 * @param cloud where the lab's cloud makes the hosts
 */
export async function configureStack(stack: Stack, lab: Lab, chain: LabChain, cloud?: LabCloud): Promise<void> {
  const at = localPaths(stack.root, lab);
  const old = existsSync(at.settings) ? readFileSync(at.settings, "utf8") : "";
  const exists = existsSync(join(at.stacks, `${stack.name}.json`));
  const facts = {
    lab,
    chain,
    neardSource: `.localnet/${lab.name}/neard`,
    // The hosts ask it too, where one fences another.
    ...(cloud === undefined ? {} : { cloud: { endpoint: cloudEndpoints(lab, cloud).fromHosts } }),
    ...(await neardFacts(lab)),
  };
  const text = stackFile(facts, exists ? old : withoutSecrets(old));
  if (text !== old) writeAtomic(at.settings, text);
  if (!exists) await pulumi(stack, ["stack", "init", "--no-select"]);
  const secrets = {
    "holdfast:validatorKey": readFileSync(chain.validatorKeyFile, "utf8"),
    "holdfast:ssh.privateKey": readFileSync(lab.sshKeyFile, "utf8"),
    ...(cloud === undefined ? {} : { "holdfast:hcloud.token": cloud.token }),
  };
  const checksum = createHash("sha256").update(JSON.stringify(secrets)).digest("hex");
  const isSet = existsSync(at.secretsSet) && readFileSync(at.secretsSet, "utf8") === checksum;
  if (isSet && hasSecrets(readFileSync(at.settings, "utf8"), Object.keys(secrets))) return;
  for (const [key, secret] of Object.entries(secrets))
    await pulumi(stack, ["config", "set", "--secret", "--path", key], secret);
  mkdirSync(at.own, { recursive: true });
  writeFileSync(at.secretsSet, checksum);
}

/** A build of one's own may call itself anything ("trunk"); a release of ours begins with numbers. Pure. */
export function versionOf(release: string): string {
  return /^\d+\.\d+\.\d+[A-Za-z0-9.-]*$/.test(release) ? release : `0.0.0-${release.replace(/[^A-Za-z0-9.-]/g, "-")}`;
}

async function neardFacts({ neard }: Lab): Promise<Pick<StackFacts, "neardVersion" | "neardConfig">> {
  if (neard === null) return { neardVersion: version.release.replace(/^lab-/, "") };
  const store = (await mayRaiseFileLimit()) ? {} : { store: { max_open_files: fewOpenFiles } };
  const network = {
    // No way out of the lab: nobody could tell neard its public address, and all addresses are private.
    trusted_stun_servers: [],
    allow_private_ip_in_public_addrs: true,
    // nearcore dials tier-1 connections every 60 s, so a holder of less than a minute leaves none behind and is an
    // easy one to follow. Here every holder leaves them.
    tier1: { connect_interval: { secs: 5, nanos: 0 } },
  };
  return { neardVersion: versionOf(neard.release), neardConfig: { network, ...store } };
}

/**
 * Repairs what a killed run left: its lock on the stack, and its notes of what it was about to do. The
 * notes may go: all that holdfast does to a host can be done twice, and the next run does it.
 * @returns what was repaired, for people; empty when nothing was amiss
 * @throws HoldfastError HF_REFUSED when that run is still going on
 */
export async function repairStack(stack: Stack, lab: Lab): Promise<string[]> {
  const { locks, stacks } = localPaths(stack.root, lab);
  const lockFiles = existsSync(locks) ? readdirSync(locks).filter((file) => file.endsWith(".json")) : [];
  for (const file of lockFiles) {
    const { pid } = JSON.parse(readFileSync(join(locks, file), "utf8")) as { pid: number };
    const running = existsSync(`/proc/${pid}/comm`) && readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("pulumi");
    if (running)
      throw new HoldfastError("HF_REFUSED", `Another pulumi (process ${pid}) works on the stack ${stack.name}.`, {
        next: "Wait until it has finished, then run npm run localnet again.",
      });
  }
  const repaired: string[] = [];
  if (lockFiles.length > 0) {
    await pulumi(stack, ["cancel", "--yes"]);
    repaired.push("removed the lock of a run that was killed");
  }
  // The state's file tells it faster than pulumi does.
  const state = join(stacks, `${stack.name}.json`);
  if (existsSync(state) && readFileSync(state, "utf8").includes('"pending_operations"')) {
    const exported = JSON.parse(await pulumi(stack, ["stack", "export"])) as Exported;
    const pending = exported.deployment.pending_operations ?? [];
    delete exported.deployment.pending_operations;
    await pulumi(stack, ["stack", "import"], JSON.stringify(exported));
    repaired.push(`forgot ${pending.length} steps that it had begun`);
    const made = perhapsMade(pending);
    if (made.length > 0)
      repaired.push(
        `${made.join(", ")} may be at the cloud all the same: the next run says so, and makes no second one`,
      );
  }
  return repaired;
}

interface Exported {
  deployment: { pending_operations?: PendingStep[] };
}

interface PendingStep {
  readonly type: string;
  readonly resource: { readonly urn: string; readonly type: string };
}

/** Of what was being made at the cloud, what the state has nothing of though it may be there. Pure. Exported for its test alone. */
export function perhapsMade(pending: readonly PendingStep[]): string[] {
  return pending
    .filter(({ type, resource }) => type === "creating" && resource.type.startsWith("hcloud:"))
    .map(({ resource }) => `${resource.type.split(":").at(-1)} ${resource.urn.split("::").at(-1)}`);
}

/** One resource's step that is over, such as `consul of host-a created (4.1 s)`. */
export type OnStep = (line: string, count: number) => void;

export interface BringUpOptions {
  /** The folder of the program, if it is another release's: the stack's state and passphrase are its own all the same. */
  readonly project?: string;
  readonly args?: readonly string[];
}

/**
 * `pulumi up`, its whole output in the log.
 * @throws HoldfastError HF_APPLY_FAILED with pulumi's diagnostics
 */
export async function bringUp(
  stack: Stack,
  logFile: string,
  onStep: OnStep,
  { project = stack.root, args: more = [] }: BringUpOptions = {},
): Promise<void> {
  mkdirSync(join(logFile, ".."), { recursive: true });
  writeFileSync(logFile, "");
  const args = ["up", "--yes", "--skip-preview", "--suppress-outputs", "--non-interactive", "--color", "never"];
  const child = execa(stack.tools.pulumi.path, [...args, "--stack", stack.name, ...more], {
    cwd: project,
    env: stackEnvironment(stack.tools, stack.root, stack.name),
    extendEnv: false,
    stdin: "ignore",
    all: true,
    reject: false,
  });
  let count = 0;
  const output: string[] = [];
  for await (const line of createInterface({ input: child.all })) {
    appendFileSync(logFile, `${line}\n`);
    output.push(line);
    const step = finishedStep(line);
    if (step !== null) onStep(step, ++count);
  }
  const { exitCode } = await child;
  if (exitCode === 0) return;
  const passphrase = passphraseError(output.join("\n"));
  if (passphrase !== undefined) throw lostPassphrase(stack.name, passphrase);
  throw new HoldfastError("HF_APPLY_FAILED", `pulumi up failed.\n${diagnosticsOf(output)}`, {
    next: `Correct what it names and run npm run localnet again: it goes on from here. The whole output: ${logFile}`,
  });
}

/** The step that a line of pulumi's output says is over; null for any other line. Pure. */
export function finishedStep(line: string): string | null {
  const [, type, name, verb, took] =
    /^\s*[-+~]{1,2}\s+(\S+)\s+(\S+)\s+(created|updated|deleted|replaced)\s*(?:\((\S+)\))?/.exec(line) ?? [];
  if (type === undefined) return null;
  return `${name} ${verb}${took === undefined ? "" : ` (${took})`}`;
}

/** What pulumi said went wrong; the last lines where it said nothing so named. Pure. */
export function diagnosticsOf(output: readonly string[]): string {
  const start = output.findIndex((line) => line.startsWith("Diagnostics:"));
  const after = start === -1 ? output.slice(-15) : output.slice(start + 1);
  const end = after.findIndex((line) => /^(Resources|Outputs|Duration):/.test(line));
  const lines = after.slice(0, end === -1 ? undefined : end);
  // A failed command's error repeats the whole command, desired state included, in one line.
  return lines
    .map((line) => (line.length > 200 ? `${line.slice(0, 120)} ...` : line))
    .join("\n")
    .trimEnd();
}

/**
 * Forgets the stack without asking its hosts, which are gone: state, locks, configuration. Works on
 * the backend's files, so it needs no pulumi. With the last lab of this checkout goes what they share.
 */
export function forgetStack(root: string, lab: { name: string; stack: string }): void {
  const at = localPaths(root, lab);
  removeNamed(at.backend, lab.stack);
  rmSync(at.settings, { force: true });
  rmSync(at.own, { recursive: true, force: true });
  if (!existsSync(at.all) || hasLabs(root, at)) return;
  rmSync(at.passphrase, { force: true });
  rmSync(join(at.backend, ".."), { recursive: true, force: true });
  if (readdirSync(at.all).length === 0) rmdirSync(at.all);
}

/**
 * Whether a lab of this checkout is left, be it one that is just being made: it has its neard before it
 * needs the passphrase, and its settings before its stack.
 */
function hasLabs(root: string, at: LocalPaths): boolean {
  const names = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);
  return (
    names(at.all).some((name) => existsSync(join(at.all, name, "neard"))) ||
    names(root).some((name) => /^Pulumi\.localnet.*\.yaml$/.test(name)) ||
    names(at.stacks).some((name) => name.endsWith(".json"))
  );
}

/** Removes the files and folders below `folder` that are `stack`'s: `stack`, `stack.json`, `stack.json.bak` ... */
function removeNamed(folder: string, stack: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.name === stack || entry.name.startsWith(`${stack}.`)) rmSync(path, { recursive: true, force: true });
    else if (entry.isDirectory()) removeNamed(path, stack);
  }
}
