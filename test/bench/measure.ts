/**
 * Measures a cluster that is up: a process of its own, so that an interrupted bench ends it before it takes
 * the cluster down. Gets the amounts as JSON in its argument and the lab in HOLDFAST_TEST_LAB; writes each
 * sample as a line of JSON on stdout, and what it is doing on stderr.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { earlyMs } from "../../agent/role/deaths.ts";
import { describeError } from "../../contract/errors.ts";
import { units } from "../../contract/paths.ts";
import type { Report } from "../../lab/chain/report.ts";
import { healAll, injectFault } from "../../lab/faults/engine.ts";
import { finishedStep } from "../../lab/localnet/stack.ts";
import {
  agentStatus,
  freshAndWatched,
  healthy,
  heard,
  holdfast,
  lab,
  type Outcome,
  on,
  pulumi,
  type Roles,
  signsAgain,
  up,
  witness,
} from "../scenarios/cluster.ts";
import { whenTurnsAreNear } from "../scenarios/turns.ts";
import { type Amounts, amountsSchema } from "./amounts.ts";
import type { FigureName } from "./figures.ts";

const emit = (figure: FigureName, value: number) => console.log(JSON.stringify({ figure, value }));
const tell = (line: string) => console.error(line);

type FaultFigure = "poweroff" | "kill-neard" | "partition";

/** A neard that dies sooner after it got the key counts as the take-over's death, and the next one waits. */
async function settled(active: string): Promise<void> {
  const { since } = await agentStatus(active);
  await sleep(Math.max(0, Date.parse(since) + earlyMs + 1000 - Date.now()));
}

/** When the new host has the key after each, in seconds from and to. */
const keyComesWithin: Record<FaultFigure, readonly [number, number]> = {
  poweroff: [7, 9],
  "kill-neard": [0.5, 3],
  partition: [1, 9],
};

async function repeat(title: string, count: number, work: () => Promise<string>): Promise<void> {
  for (let run = 1; run <= count; run++) tell(`${title} ${run} of ${count}: ${await work()}`);
}

/** The active host suffers; the standby must sign. Then all is healed, and healthy before the next run. */
async function failover(kind: FaultFigure): Promise<string> {
  const { active, standby } = await freshAndWatched();
  const ledConsul = (await agentStatus(active)).consul.isLeader;
  if (kind === "kill-neard") await settled(active);
  await whenTurnsAreNear(...keyComesWithin[kind]);
  const { wallMs } = await injectFault(lab(), kind, active);
  await signsAgain(standby);
  const heardS = await heardSeconds({ active, standby }, wallMs);
  emit(`${kind}-heard`, heardS);
  await healAll(lab());
  await healthy();
  const report = judged(await witness());
  const silenceS = handoverSeconds(report, active, standby);
  emit(kind, silenceS);
  if (kind === "partition") emit("partition-overlap", report.overlapMs / 1000);
  return `${standby} signed after ${silenceS.toFixed(1)} s, its first block was accepted after ${heardS.toFixed(1)} s (${active} ${ledConsul ? "led" : "did not lead"} Consul)`;
}

const switchoverSchema = z.object({ state: z.literal("done"), tookMs: z.number().nullable() });

async function switchover(): Promise<string> {
  const { active, standby } = await freshAndWatched();
  await whenTurnsAreNear(0.5, 3);
  const askedMs = Date.now();
  const { stdout } = succeeded(
    await holdfast("switchover", "--yes", "--json", "--heard-timeout", "0", "--to", standby),
  );
  const { tookMs } = switchoverSchema.parse(JSON.parse(stdout));
  await signsAgain(standby);
  const heardS = await heardSeconds({ active, standby }, askedMs);
  emit("switchover-heard", heardS);
  await healthy();
  const report = judged(await witness());
  const silenceS = handoverSeconds(report, active, standby);
  emit("switchover", silenceS);
  if (tookMs !== null) emit("switchover-took", tookMs / 1000);
  return `${silenceS.toFixed(2)} s from ${active}'s last signature to ${standby}'s first, took ${tookMs ?? "?"} ms, first block accepted after ${heardS.toFixed(1)} s`;
}

/** Far longer than any half-open connection lives. */
const heardWithinMs = 240_000;

/** From `eventMs` to the first block of the new holder that is in the chain. The chain's clock is this machine's. */
async function heardSeconds(roles: Roles, eventMs: number): Promise<number> {
  const { at, firstAcceptedSeconds } = await heard(roles, heardWithinMs);
  return (Date.parse(at) - eventMs) / 1000 + (firstAcceptedSeconds ?? 0);
}

/** The witness lists a gap only from 1.5 slots on; a fast change has none, so this asks both tallies. */
function handoverSeconds({ byHost }: Report, from: string, to: string): number {
  const last = byHost[from]?.to;
  const first = byHost[to]?.from;
  if (last === undefined || first === undefined) throw new Error(`the witness did not see ${from} and ${to} sign`);
  return (Date.parse(first) - Date.parse(last)) / 1000;
}

/** The promise `one-signer` is part of every run. A breach is said at once, and fails the bench at its end. */
function judged(report: Report): Report {
  emit("overlap", report.overlapMs / 1000);
  emit("double-signed", report.doubleSigned.length);
  if (report.overlapMs > 0) tell(`TWO HOSTS SIGNED AT ONCE: ${JSON.stringify(report.overlaps)}`);
  if (report.doubleSigned.length > 0) tell(`HEIGHTS SIGNED TWICE: ${JSON.stringify(report.doubleSigned)}`);
  return report;
}

function succeeded(outcome: Outcome): Outcome {
  if (outcome.code === 0) return outcome;
  throw new Error(`it ended with ${outcome.code}:\n${outcome.stdout}\n${outcome.stderr}`);
}

async function timed(figure: FigureName, work: () => Promise<Outcome>): Promise<string> {
  await healthy();
  const startMs = performance.now();
  const { stdout } = succeeded(await work());
  const tookS = (performance.now() - startMs) / 1000;
  const changes = stdout.split("\n").flatMap((line) => finishedStep(line) ?? []);
  if (changes.length > 0) throw new Error(`nothing was to change, but: ${changes.join(", ")}`);
  emit(figure, tookS);
  return `${tookS.toFixed(1)} s`;
}

interface Usage {
  readonly atMs: number;
  readonly cpuNs: number;
  readonly memoryMB: number;
}

async function usageOf(host: string): Promise<Usage> {
  const show = `systemctl show --value --property`;
  const script = `cut -d' ' -f1 /proc/uptime; ${show} CPUUsageNSec ${units.agent}; awk '/^VmRSS:/ {print $2}' /proc/$(${show} MainPID ${units.agent})/status`;
  const [uptimeS, cpuNs, rssKiB] = (await on(host, script)).trim().split("\n").map(Number);
  if (![uptimeS, cpuNs, rssKiB].every(Number.isFinite))
    throw new Error(`${host} does not say what ${units.agent} uses`);
  return { atMs: Number(uptimeS) * 1000, cpuNs: Number(cpuNs), memoryMB: (Number(rssKiB) * 1024) / 1e6 };
}

/** Nothing happens for a while on a healthy cluster: what do the agents of holder and standby use? */
async function idle(forMs: number): Promise<string> {
  const roles = await healthy();
  const hosts = [
    ["holder", roles.active],
    ["standby", roles.standby],
  ] as const;
  const usages = () => Promise.all(hosts.map(([, host]) => usageOf(host)));
  const before = await usages();
  await sleep(forMs);
  const after = await usages();
  const said = hosts.map(([role], i) => {
    const [from, to] = [before[i] as Usage, after[i] as Usage];
    const cpuPercent = (to.cpuNs - from.cpuNs) / 1e4 / (to.atMs - from.atMs);
    emit(`memory-${role}`, to.memoryMB);
    emit(`cpu-${role}`, cpuPercent);
    return `${role} ${to.memoryMB.toFixed(0)} MB, ${cpuPercent.toFixed(2)} % of a core`;
  });
  return said.join("; ");
}

async function measure(amounts: Amounts): Promise<void> {
  await repeat("pulumi up with nothing to change", amounts.up, () => timed("up", () => up()));
  await repeat("pulumi up with its own preview before it", amounts.up, () =>
    timed("preview-and-up", () => pulumi("up", "--yes")),
  );
  await repeat("pulumi preview", amounts.preview, () => timed("preview", () => pulumi("preview")));
  await repeat("switchover", amounts.switchover, switchover);
  for (const kind of ["poweroff", "kill-neard", "partition"] as const)
    await repeat(kind, amounts[kind], () => failover(kind));
  tell(`nothing happens: ${amounts.settleMs / 1000} s of it before it is measured`);
  await sleep(amounts.settleMs);
  await repeat("nothing happens", amounts.idle, () => idle(amounts.idleMs));
}

try {
  await measure(amountsSchema.parse(JSON.parse(process.argv[2] ?? "")));
} catch (error) {
  tell(`bench: ${describeError(error)}`);
  process.exitCode = 1;
}
