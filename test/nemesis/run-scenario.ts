/** One scenario from a healthy cluster to a healthy cluster, and the verdict over what was in between. */
import { setTimeout as sleep } from "node:timers/promises";
import { describeError } from "../../contract/errors.ts";
import type { Report } from "../../lab/chain/report.ts";
import { healAll } from "../../lab/faults/engine.ts";
import { askWitness, resetWitness } from "../../lab/hosts/chain.ts";
import type { Lab } from "../../lab/hosts/description.ts";
import { heardWithinMs } from "./bounds.ts";
import { type Roles, untilHealthy } from "./cluster-health.ts";
import { readLimits } from "./look.ts";
import type { Result } from "./results.ts";
import type { Scenario } from "./scenario.ts";
import { Stage } from "./stage.ts";
import { judge } from "./verdict.ts";

/** Consul's autopilot, disks to check, hosts to boot: healthy in every respect takes longer than signing again. */
const healthyWithinMs = 150_000;
/** A few slots of normal life, so that a gap has a beginning; and an end. */
const calmMs = 2500;

/** @throws Error when the cluster is not healthy before it begins, or when `signal` aborts */
export async function runScenario(lab: Lab, scenario: Scenario, signal: AbortSignal): Promise<Result> {
  const before = await untilHealthy(lab, healthyWithinMs);
  const limits = readLimits(lab, before.active);
  await resetWitness(lab);
  await sleep(calmMs, undefined, { signal });
  const stage = new Stage(lab, limits, before, signal);
  const startedMs = Date.now();
  const fault = await attempt(() => scenario.run(stage));
  await healAll(lab);
  const undoFault = await attempt(async () => await scenario.undo?.(stage));
  signal.throwIfAborted();
  let after: Roles | null = null;
  let notHealthy: string | undefined;
  const heardMs = scenario.heard ? heardWithinMs(limits) : null;
  try {
    after = await untilHealthy(lab, healthyWithinMs);
    await sleep(calmMs);
    if (heardMs !== null) await untilHeard(lab, heardMs);
  } catch (error) {
    notHealthy = describeError(error);
  }
  const report = await askWitness(lab);
  const verdict = judge({
    expects: scenario.expects,
    boundMs: scenario.boundMs(limits),
    leaseMs: limits.lease.leaseMs,
    slotMs: limits.slotMs,
    brokenMs: stage.brokenMs ?? startedMs,
    healedMs: stage.healedMs ?? stage.brokenMs ?? startedMs,
    report,
    heardWithinMs: heardMs,
    before,
    after,
    ...(notHealthy === undefined ? {} : { notHealthy }),
    strangers: scenario.strangers?.(stage) ?? [],
  });
  const broken = fault ?? undoFault;
  const word = broken !== null && verdict.word !== "UNSAFE" ? "wrong" : verdict.word;
  return {
    scenario: scenario.name,
    verdict: word,
    recoveryMs: verdict.recoveryMs,
    boundMs: Math.round(scenario.boundMs(limits)),
    heardMs: heardOf(report),
    overlapMs: report.overlapMs,
    doubleSigned: report.doubleSigned.length,
    because: broken === null ? verdict.because : `the scenario failed: ${broken}; ${verdict.because}`,
    tookMs: Date.now() - startedMs,
    at: new Date(startedMs).toISOString(),
  };
}

/** Waits for the new holder's first accepted block, if there is a new one: a turn of ours may be some slots away. */
async function untilHeard(lab: Lab, withinMs: number): Promise<void> {
  for (const endMs = performance.now() + withinMs; performance.now() < endMs; await sleep(500)) {
    const last = (await askWitness(lab)).takeovers.at(-1);
    if (last === undefined || last.firstAcceptedSeconds !== null) return;
  }
}

function heardOf({ takeovers }: Report): number | null {
  const seconds = takeovers.at(-1)?.firstAcceptedSeconds ?? null;
  return seconds === null ? null : Math.round(1000 * seconds);
}

/** What went wrong, in one line; null when nothing did. */
async function attempt(work: () => Promise<void>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    return describeError(error).split("\n")[0]?.slice(0, 300) ?? "unknown";
  }
}
