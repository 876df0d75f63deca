/** Carries a schedule out on a lab, watching all the while, and writes what came of it. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeError } from "../../../contract/errors.ts";
import { healAll, healFault, injectFault } from "../../../lab/faults/engine.ts";
import { askWitness, resetWitness } from "../../../lab/hosts/chain.ts";
import type { Lab } from "../../../lab/hosts/description.ts";
import { writeAtomic } from "../../../lab/hosts/files.ts";
import { commitNow } from "../../commit.ts";
import { root } from "../../scenarios/cluster.ts";
import { untilHealthy } from "../cluster-health.ts";
import { lookAtAll, readLimits } from "../look.ts";
import { ensureLab, resultsOf } from "../run-catalogue.ts";
import { drawTimeline } from "./drawing.ts";
import { type Outcome, randomMarkdown, verdictOf } from "./report.ts";
import { nextEvent, type Sampler, signaturesSince, startSampler } from "./sampler.ts";
import { type PlannedFault, planRounds } from "./schedule.ts";
import type { FaultSpan, Timeline } from "./timeline.ts";

const healthyWithinMs = 180_000;

/** @returns the exit code: 0 only if safe, recovered, and not interrupted */
export async function runRandom(
  labName: string,
  minutes: number,
  seed: number,
  signal: AbortSignal,
  neardFile?: string,
): Promise<number> {
  const lab = await ensureLab(labName, neardFile);
  const commit = await commitNow(root);
  const { active } = await untilHealthy(lab, healthyWithinMs);
  const { lease } = readLimits(lab, active);
  const statuses = await lookAtAll(lab);
  const hosts = lab.hosts.map(({ name }) => ({ neard: statuses.get(name)?.roles.includes("neard") ?? false }));
  const rounds = planRounds(seed, minutes * 60_000, hosts);
  console.log(`seed ${seed}, commit ${commit}: ${rounds.length} rounds of two faults in ${minutes} min`);
  const since = await nextEvent(lab);
  await resetWitness(lab);
  const sampler = startSampler(lab);
  const startMs = Date.now();
  const faults: FaultSpan[] = [];
  try {
    for (const [i, round] of rounds.entries()) {
      await Promise.all(round.faults.map((fault) => carryOut(lab, fault, startMs, faults, signal)));
      await healAll(lab);
      await breach(lab);
      console.log(`[${i + 1} of ${rounds.length}] healed; ${await holderNow(lab)}`);
      // After the last one there is no calm but the wait for health, which is measured.
      if (i + 1 < rounds.length) await until(startMs + round.endMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    console.log(describeError(signal.reason));
  } finally {
    await healAll(lab);
  }
  const whenOver = () => until(startMs + minutes * 60_000, signal).catch(() => {});
  const outcome = await conclude(lab, { seed, startMs, faults, leaseMs: lease.leaseMs, since, sampler, whenOver });
  const whole: Outcome = { ...outcome, commit, minutesAsked: minutes, interrupted: signal.aborted };
  write(resultsOf(lab), whole);
  console.log(`\nseed ${seed}, commit ${commit}: ${verdictOf(whole).sentence}`);
  return verdictOf(whole).ok ? 0 : 1;
}

/** Injects at its time and heals at its time. A fault that finds its host off, say, is noted as skipped. */
async function carryOut(lab: Lab, fault: PlannedFault, startMs: number, into: FaultSpan[], signal: AbortSignal) {
  const host = nameAt(lab, fault.host);
  const peer = fault.peer === undefined ? undefined : nameAt(lab, fault.peer);
  const between = peer === undefined ? {} : { peer };
  await until(startMs + fault.fromMs, signal);
  const span = { kind: fault.kind, host, ...between, fromMs: Date.now(), toMs: Date.now() };
  const injected = await injectFault(lab, fault.kind, host, { peer }).catch((error: unknown) => describeError(error));
  if (typeof injected === "string") {
    into.push({ ...span, skipped: injected.split("\n")[0] ?? "unknown" });
    return;
  }
  const { id, wallMs } = injected;
  console.log(`${clock(wallMs - startMs)}  ${fault.kind} ${host}${peer === undefined ? "" : ` and ${peer}`}`);
  try {
    await until(startMs + fault.toMs, signal);
  } finally {
    // On a host that the other fault has switched off or frozen it stays, until the round's end heals everything.
    const lasted = await healFault(lab, id).catch(() => true);
    into.push({ ...span, fromMs: wallMs, toMs: lasted ? Date.now() : wallMs + 300 });
  }
}

interface Watched {
  readonly seed: number;
  readonly startMs: number;
  readonly faults: FaultSpan[];
  readonly leaseMs: number;
  readonly since: number;
  readonly sampler: Sampler;
  /** Resolves when the time that was asked for is over. */
  readonly whenOver: () => Promise<void>;
}

/** Everything is healed: waits until the cluster is well, and asks the witness. */
async function conclude(lab: Lab, { since, sampler, faults, whenOver, ...about }: Watched) {
  const healedMs = Date.now();
  let notHealthy: string | null = null;
  try {
    await untilHealthy(lab, healthyWithinMs);
  } catch (error) {
    notHealthy = describeError(error);
  }
  const recoveredMs = notHealthy === null ? Date.now() - healedMs : null;
  await whenOver();
  await sampler.stop();
  const witness = await askWitness(lab);
  const signatures = await signaturesSince(lab, since);
  const timeline: Timeline = {
    ...about,
    endMs: Date.now(),
    hosts: lab.hosts.map(({ name }) => ({
      name,
      samples: [...(sampler.samples.get(name) ?? [])],
      signatures: signatures.get(name) ?? [],
    })),
    faults: faults.toSorted((a, b) => a.fromMs - b.fromMs),
    overlaps: witness.overlaps.map(({ from, to }) => ({ fromMs: Date.parse(from), toMs: Date.parse(to) })),
  };
  return { timeline, witness, notHealthy, recoveredMs };
}

function write(at: string, outcome: Outcome): void {
  const name = `random-seed-${outcome.timeline.seed}`;
  const { timeline, witness, ...rest } = outcome;
  writeAtomic(join(at, `${name}.json`), `${JSON.stringify({ ...rest, witness, timeline })}\n`);
  writeAtomic(join(at, `${name}.svg`), drawTimeline(timeline));
  writeAtomic(join(at, `${name}.md`), randomMarkdown(outcome, `${name}.svg`));
  console.log(`\nWritten: test/nemesis/results/${name}.md, .svg, .json`);
}

/** Said at once, for nothing else matters then. */
async function breach(lab: Lab): Promise<void> {
  const { overlapMs, overlaps, doubleSigned } = await askWitness(lab);
  if (overlapMs > 0 || doubleSigned.length > 0)
    console.log(`TWO HOSTS SIGNED AT ONCE: ${JSON.stringify(overlaps)} ${JSON.stringify(doubleSigned)}`);
}

async function holderNow(lab: Lab): Promise<string> {
  const { current } = await askWitness(lab);
  return current === null
    ? "nobody has signed"
    : `${current.host} signed ${(current.silentMs / 1000).toFixed(1)} s ago`;
}

async function until(wallMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await sleep(Math.max(0, wallMs - Date.now()), undefined, { signal });
}

function nameAt(lab: Lab, index: number): string {
  const host = lab.hosts[index];
  if (host === undefined) throw new Error(`the lab has no host number ${index}`);
  return host.name;
}

function clock(ms: number): string {
  const s = Math.round(ms / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}
