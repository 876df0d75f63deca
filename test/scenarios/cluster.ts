/**
 * The cluster that the scenarios work on: a lab of its own (`test`), brought up once by the same
 * command that a newcomer types, and removed at the end. Every wait has a bound, and every scenario
 * begins with a healthy cluster.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { paths, units } from "../../contract/paths.ts";
import { type AgentStatus, agentStatusSchema } from "../../contract/wire/agent-status.ts";
import type { Report } from "../../lab/chain/report.ts";
import { healAll } from "../../lab/faults/engine.ts";
import { askWitness, resetWitness } from "../../lab/hosts/chain.ts";
import { type Lab, type LabHost, loadLab } from "../../lab/hosts/description.ts";
import { onHost } from "../../lab/hosts/ssh.ts";
import { stackEnvironment } from "../../toolchain/stack.ts";
import { ensureTools } from "../../toolchain/tools.ts";

export const labName = process.env.HOLDFAST_TEST_LAB ?? "test";
export const root = join(import.meta.dirname, "../..");

export const lab = (): Lab => loadLab(labName);

export function hostOf(name: string): LabHost {
  const host = lab().hosts.find((candidate) => candidate.name === name);
  if (host === undefined) throw new Error(`the lab has no host ${name}`);
  return host;
}

/** Runs a command on a host as root; its stdout. */
export async function on(host: string, command: string): Promise<string> {
  return await onHost(lab(), hostOf(host), command);
}

export async function agentStatus(host: string): Promise<AgentStatus> {
  return agentStatusSchema.parse(JSON.parse(await on(host, `${paths.holdfastd} status --json`)));
}

/** Status of all hosts; null where the agent does not answer. */
export async function agentStatuses(): Promise<Record<string, AgentStatus | null>> {
  const names = lab().hosts.map((host) => host.name);
  const all = await Promise.all(names.map(async (name) => [name, await agentStatus(name).catch(() => null)] as const));
  return Object.fromEntries(all);
}

export const witness = async (): Promise<Report> => await askWitness(lab());

/** Waits until `look` gives something; what it saw last is in the error. */
export async function until<T>(what: string, boundMs: number, look: () => Promise<T | null | false>): Promise<T> {
  const end = performance.now() + boundMs;
  for (let last = ""; ; ) {
    try {
      const found = await look();
      if (found !== null && found !== false) return found;
    } catch (error) {
      last = `; last: ${(error as Error).message}`;
    }
    if (performance.now() > end) throw new Error(`waited ${boundMs} ms for ${what}${last}`);
    await sleep(250);
  }
}

export interface Roles {
  readonly active: string;
  readonly standby: string;
}

/** Nobody heard for longer is not signing. A real chain tells of a block a moment later, and may be slow. */
const silentMs = (): number => (lab().neard === null ? 3000 : 6000);

/** One host active and signing, another ready to take over, every Consul server a voter. */
export async function healthy(boundMs = 90_000): Promise<Roles> {
  return await until("a healthy cluster", boundMs, async () => {
    const statuses = await agentStatuses();
    const all = Object.values(statuses).filter((status) => status !== null);
    const bad = all.filter((status) => !status.consul.reachable || !status.consul.healthy).map((status) => status.host);
    const active = all.filter((status) => status.role === "active" && status.key.loaded);
    const ready = all.filter((status) => status.ready);
    const said = Object.entries(statuses).map(
      ([host, status]) => `${host}: ${status?.role ?? "silent"}, ${status?.because}`,
    );
    if (all.length < lab().hosts.length || bad.length > 0 || active.length !== 1 || ready.length === 0)
      throw new Error(`${said.join("; ")}; Consul unhealthy: ${bad.join(", ") || "none"}`);
    const { current } = await witness();
    if (current?.host !== active[0]?.host || current === null || current.silentMs > silentMs())
      throw new Error(`the witness hears ${current?.host ?? "nobody"}; ${said.join("; ")}`);
    return { active: active[0]?.host ?? "", standby: ready[0]?.host ?? "" };
  });
}

/**
 * A standby believes a release only of a holder that it has watched for takeoverMs (7 s). One that has just booted
 * would wait, and a holder that lost its neard alone is back before that.
 */
const watchedMs = 8000;

/** Heals everything, waits for health, and starts a new report of the witness. */
export async function fresh(): Promise<Roles> {
  const roles = await healed();
  await newReport();
  return roles;
}

/** The same with a standby that has seen enough. */
export async function freshAndWatched(): Promise<Roles> {
  const roles = await healed();
  await until(`${roles.standby} to have watched ${roles.active} for long enough`, 2 * watchedMs, async () => {
    const { since } = await agentStatus(roles.standby);
    return Date.now() - Date.parse(since) > watchedMs;
  });
  await newReport();
  return roles;
}

async function healed(): Promise<Roles> {
  await healAll(lab());
  return await healthy();
}

/** A new report of the witness, and a first signature in it, so that a gap has a beginning. */
export async function newReport(): Promise<void> {
  await resetWitness(lab());
  await until("a signature in the new report", 10_000, async () => Object.keys((await witness()).byHost).length > 0);
}

/** Waits until `host` has signed in time; how long nobody had, by the witness, in seconds. */
export async function signsAgain(host: string, boundMs = 30_000): Promise<number> {
  const report = await until(`${host} to sign`, boundMs, async () => {
    const seen = await witness();
    return seen.current?.host === host ? seen : null;
  });
  return Math.max(0, ...report.gaps.filter((gap) => gap.toHost === host).map((gap) => gap.seconds));
}

/**
 * What the hosts' agents said of late, oldest first, in one line: who reads that a wait was too long shall see
 * where it went, for the hosts of a run that has ended are gone.
 */
export async function recently(seconds = 60): Promise<string> {
  const journal = `journalctl -u ${units.agent} --since -${seconds}s -o cat --no-pager`;
  const told = await Promise.all(
    lab().hosts.map(async ({ name }) =>
      (await on(name, journal).catch((error: Error) => error.message)).split("\n").map((line) => toldBy(name, line)),
    ),
  );
  return told
    .flat()
    .filter((line) => line !== null)
    .toSorted()
    .join("; ");
}

/** Null: a line of systemd's. */
function toldBy(host: string, line: string): string | null {
  try {
    const { time, effect, role, msg } = JSON.parse(line) as Record<string, string>;
    return `${time?.slice(14, 21)} ${host} ${effect ?? role ?? ""}: ${msg?.slice(0, 120)}`;
  } catch {
    return null;
  }
}

export type Takeover = Report["takeovers"][number];

/**
 * The latest take-over of `standby` from `active`, once its first block is in the chain.
 * @throws Error after `boundMs`, with what was missed
 */
export async function heard({ active, standby }: Roles, boundMs: number): Promise<Takeover> {
  return await until(`the first accepted block of ${standby}`, boundMs, async () => {
    const report = await witness();
    const last = report.takeovers.findLast(({ from, to }) => from === active && to === standby);
    if (last !== undefined && last.firstAcceptedSeconds !== null) return last;
    const { produced, accepted, missed, endorsed, missedEndorsements, alreadyConnected } = report;
    const said = { produced, accepted, missed, endorsed, missedEndorsements, alreadyConnected };
    throw new Error(`${last === undefined ? "no take-over" : `key since ${last.at}`}; ${JSON.stringify(said)}`);
  });
}

/** The promise `one-signer`, by the witness of this scenario. */
export async function expectOneSigner(): Promise<Report> {
  const report = await witness();
  assert.equal(report.overlapMs, 0, `two hosts signed at once: ${JSON.stringify(report.overlaps)}`);
  assert.deepEqual(report.doubleSigned, [], "heights signed twice");
  assert.equal(report.strayBytes, 0, "bytes left an old holder's connections when another host signed");
  return report;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function environment(): Promise<Record<string, string | undefined>> {
  return stackEnvironment(await ensureTools(), root, lab().stack);
}

/** `npm run -s holdfast -- …` on this cluster's stack. */
export async function holdfast(...args: string[]): Promise<Outcome> {
  const result = await execa(process.execPath, [join(root, "cli/main.ts"), ...args, "--stack", lab().stack], {
    env: await environment(),
    extendEnv: false,
    reject: false,
    stdin: "ignore",
  });
  return { code: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr };
}

/** `pulumi …` on this cluster's stack. */
export const pulumi = async (...args: string[]): Promise<Outcome> => await pulumiWith({}, ...args);

/** The same, with variables added to its environment. */
export async function pulumiWith(variables: Readonly<Record<string, string>>, ...args: string[]): Promise<Outcome> {
  const result = await execa("pulumi", [...args, "--stack", lab().stack, "--non-interactive", "--color", "never"], {
    env: { ...(await environment()), ...variables },
    extendEnv: false,
    cwd: root,
    reject: false,
    stdin: "ignore",
  });
  return { code: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr };
}

export const up = async (...args: string[]): Promise<Outcome> => await pulumi("up", "--yes", "--skip-preview", ...args);

/** For a shell on a host: prints which bundle its holdfastd is. */
export const bundleOnHost = `grep -o '${paths.lib}/holdfastd[^ ]*' ${paths.holdfastd}`;

/** The stack's settings file, to be put back by who changes it. */
export const settingsFile = (): string => join(root, `Pulumi.${lab().stack}.yaml`);
export const settingsText = (): string => readFileSync(settingsFile(), "utf8");
