/**
 * Runs a schedule: storms and calms, with every promise checked whenever something changed.
 *
 *   simulate(seed, hours)       everything follows from the seed
 *   replay(schedule)            just these faults
 */
import { recoveryBoundMs } from "./bound.ts";
import { Cluster, type ClusterShape } from "./cluster.ts";
import { faultKinds, type Schedule, type Storm, shapeFrom, stormFrom } from "./schedule.ts";
import type { Violation } from "./witness.ts";

export interface RunReport {
  readonly seed: number;
  /** Simulated. */
  readonly hours: number;
  /** `promise: what happened`; empty when all went well. */
  readonly violations: readonly string[];
  readonly violation: Violation | null;
  readonly takeOvers: number;
  readonly faults: number;
  /** How often a host's power was cut by another's order. */
  readonly powerCuts: number;
  /** Share of the time in which somebody could sign. */
  readonly availability: number;
  /** The longest time from the end of a storm to somebody who signs. */
  readonly slowestRecoveryMs: number;
  /** Agents, at the end, that have seen somebody tamper with the lock, and what. */
  readonly tampering: readonly string[];
  /** What was carried out, up to the violation. */
  readonly schedule: Schedule;
}

export interface RunOptions {
  /** Gets every line of what happens; without it nothing is written down. */
  readonly trace?: (line: string) => void;
  /** Only these kinds of fault. */
  readonly kinds?: readonly string[];
  /** Instead of what the seed says: to show that the witness sees what such a cluster does. */
  readonly shape?: Partial<ClusterShape>;
}

/** So long somebody must have been able to sign without a break before the next storm. */
const steadyMs = 2000;
const hourMs = 3_600_000;

export async function simulate(seed: number, hours: number, options: RunOptions = {}): Promise<RunReport> {
  const storms: Storm[] = [];
  const run = new Run({ shape: { ...shapeFrom(seed), ...options.shape }, storms }, options);
  return await withoutStacks(async () => {
    await run.calm();
    while (!run.isOver && run.hours < hours) {
      const storm = stormFrom(seed, storms.length, options.kinds);
      storms.push(storm);
      await run.storm(storm);
    }
    return run.report(seed);
  });
}

export async function replay(schedule: Schedule, options: RunOptions = {}): Promise<RunReport> {
  const run = new Run(schedule, options);
  return await withoutStacks(async () => {
    await run.calm();
    for (const storm of schedule.storms) {
      if (run.isOver) break;
      await run.storm(storm);
    }
    return run.report(0);
  });
}

/**
 * An answer that does not come is an Error in the agent, thousands of times an hour; where it was made is
 * never looked at, and a tenth of the time goes into writing that down.
 */
async function withoutStacks<T>(work: () => Promise<T>): Promise<T> {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return await work();
  } finally {
    Error.stackTraceLimit = before;
  }
}

class Run {
  readonly #schedule: Schedule;
  readonly #cluster: Cluster;
  #faults = 0;
  #slowestMs = 0;
  readonly #hasViolation = () => this.#cluster.witness.violation !== null;

  constructor(schedule: Schedule, options: RunOptions) {
    this.#schedule = schedule;
    this.#cluster = new Cluster(schedule.shape, options.trace ?? null);
  }

  get isOver(): boolean {
    return this.#hasViolation();
  }

  get hours(): number {
    return this.#cluster.timeline.nowMs / hourMs;
  }

  async storm(storm: Storm): Promise<void> {
    const cluster = this.#cluster;
    const { timeline } = cluster;
    const startMs = timeline.nowMs;
    for (const fault of storm.faults)
      timeline.at(startMs + fault.atMs, () => {
        this.#faults += 1;
        const said = (faultKinds[fault.kind] ?? unknown(fault.kind)).strike(cluster, fault);
        if (cluster.isTracing) cluster.trace("FAULT", said ?? `${fault.kind}: nothing to do it to`);
      });
    await timeline.run(startMs + storm.lastsMs, this.#hasViolation);
    if (!this.isOver) await this.calm();
  }

  /** Everything is mended; somebody must sign within the bound. */
  async calm(): Promise<void> {
    const { timeline, witness } = this.#cluster;
    this.#cluster.heal();
    this.#cluster.trace("FAULT", "none any more: everything is mended");
    const startMs = timeline.nowMs;
    const isBack = () => witness.steadyMs >= steadyMs && timeline.nowMs - startMs >= steadyMs;
    const boundMs = recoveryBoundMs(this.#schedule.shape.lease);
    await timeline.run(startMs + boundMs, () => this.#hasViolation() || isBack());
    if (this.isOver) return;
    this.#slowestMs = Math.max(this.#slowestMs, timeline.nowMs - startMs - steadyMs);
    if (isBack()) return;
    const phases = this.#cluster.hosts.map((host) => `${host.name} ${host.phase}: ${host.agent?.state.because ?? ""}`);
    witness.violate("comes-back", `nobody signs ${boundMs} ms after the faults (${phases.join("; ")})`);
  }

  report(seed: number): RunReport {
    const { witness, timeline } = this.#cluster;
    const { violation } = witness;
    return {
      seed,
      hours: this.hours,
      violations:
        violation === null ? [] : [`${violation.promise}: ${violation.what} (at ${violation.atMs.toFixed(0)} ms)`],
      violation,
      takeOvers: witness.takeOvers,
      faults: this.#faults,
      powerCuts: this.#cluster.hosts.reduce((sum, { power }) => sum + power.cuts, 0),
      availability: witness.signedMs / timeline.nowMs,
      slowestRecoveryMs: this.#slowestMs,
      tampering: this.#cluster.tampering,
      schedule: { shape: this.#schedule.shape, storms: [...this.#schedule.storms] },
    };
  }
}

function unknown(kind: string): never {
  throw new Error(`no fault is called ${kind}`);
}
