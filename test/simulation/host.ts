/**
 * One host: its clocks, kernel, neard and agent, and what can be done to the whole machine.
 *
 * What survives what: the agent can end at any moment (agent-unit.ts), and the kernel's fence and neard
 * go on; a power loss takes all of it, the sealed key excepted.
 */
import type { Settings } from "../../agent/role/types.ts";
import type { NeardHost } from "../../agent/run/neard-host.ts";
import { AgentUnit, type Home } from "./agent-unit.ts";
import type { Cluster } from "./cluster.ts";
import { HostClock } from "./host-clock.ts";
import { Kernel } from "./kernel.ts";
import { NeardUnit } from "./neard.ts";
import { PowerSwitch } from "./power.ts";
import { epochOfMark, forgivenLateMs, type Watched } from "./witness.ts";

export class Host implements Watched, Home {
  readonly name: string;
  readonly index: number;
  readonly settings: Settings;
  readonly clock: HostClock;
  readonly kernel: Kernel;
  readonly neard: NeardUnit;
  readonly agentUnit: AgentUnit;
  readonly power: PowerSwitch;
  readonly #cluster: Cluster;
  #isPowered = true;
  #boots = 0;
  /** Without neard it is an arbiter, and has no agent here. */
  readonly hasNeard: boolean;

  constructor(cluster: Cluster, index: number, settings: Settings, hasNeard: boolean, rate: number) {
    const { timeline, random } = cluster;
    this.#cluster = cluster;
    this.index = index;
    this.name = settings.host;
    this.settings = settings;
    this.hasNeard = hasNeard;
    this.clock = new HostClock(timeline, {
      rate,
      upMs: random.between(100_000, 200_000),
      wallOffsetMs: 1.7e12 + random.between(0, 1000),
    });
    const onChange = () => cluster.witness.changed(index);
    this.kernel = new Kernel(timeline, this.clock, onChange);
    this.neard = new NeardUnit(timeline, random, cluster.nearKeys, onChange);
    this.agentUnit = new AgentUnit(cluster, this);
    this.power = new PowerSwitch(timeline, cluster.power, this);
  }

  begin(): void {
    if (!this.hasNeard) return;
    this.neard.start();
    this.agentUnit.start();
  }

  // ---- what the witness sees ----

  get rate(): number {
    return this.clock.rate;
  }

  get hasLiveKey(): boolean {
    return this.neard.hasKey;
  }

  get armedEpoch(): number | null {
    return epochOfMark(this.kernel.mark);
  }

  get openUntilMs(): number {
    return this.#isPowered ? this.kernel.openUntilMs : Number.NEGATIVE_INFINITY;
  }

  get fedLateMs(): number {
    return this.kernel.fedLateMs;
  }

  get isPowered(): boolean {
    return this.#isPowered;
  }

  /** The real agent; null while there is none. */
  get agent(): NeardHost | null {
    return this.agentUnit.agent;
  }

  get phase(): string {
    if (!this.hasNeard) return "arbiter";
    return this.agent?.state.phase.name ?? "gone";
  }

  // ---- the machine ----

  /** Everything on it stands still; its clocks and the kernel's timers go on. */
  freeze(forMs: number): void {
    const untilMs = this.#cluster.timeline.nowMs + forMs;
    this.agentUnit.freeze(forMs);
    this.neard.troubles.hangsUntilMs = Math.max(this.neard.troubles.hangsUntilMs, untilMs);
    this.#cluster.consul.pause(this.index, forMs);
  }

  suspend(forMs: number): void {
    if (!this.#isPowered) return;
    this.freeze(forMs);
    this.kernel.suspend();
    const boot = this.#boots;
    this.#cluster.timeline.after(forMs, () => {
      if (boot === this.#boots) this.kernel.resume();
    });
  }

  /**
   * A virtual machine that is stopped with its clocks, and goes on with what they showed: to it nothing happened. What
   * it had sent is on its way all the same.
   */
  pauseMachine(forMs: number): void {
    if (!this.#isPowered || this.clock.isPaused) return;
    this.freeze(forMs);
    this.kernel.suspend();
    this.clock.pause();
    const boot = this.#boots;
    const { timeline, witness } = this.#cluster;
    const sinceMs = timeline.nowMs;
    timeline.after(forMs, () => {
      if (boot !== this.#boots || !this.clock.isPaused) return;
      this.clock.resume();
      witness.wasPaused(this.index, sinceMs);
      this.kernel.resume();
    });
    this.#endPause = () => {
      this.clock.resume();
      witness.wasPaused(this.index, sinceMs);
    };
  }

  /** Of a machine that stands still: what its clocks need to go on. */
  #endPause: () => void = () => {};

  powerOff(): void {
    if (!this.#isPowered) return;
    this.#isPowered = false;
    this.#boots += 1;
    this.clock.resume();
    this.agentUnit.powerOff();
    this.kernel.boot();
    this.neard.powerOff();
    this.#cluster.consul.stop(this.index);
    this.#cluster.witness.changed(this.index);
  }

  powerOn(): void {
    if (this.#isPowered) return;
    this.#isPowered = true;
    this.clock.boot();
    this.#cluster.timeline.after(500, () => {
      if (this.#isPowered) this.#cluster.consul.start(this.index);
    });
    if (!this.hasNeard) return;
    this.neard.powerOn();
    this.agentUnit.start();
  }

  /**
   * One of the fence's two conditions is failing: the element came, or may come, later than the agent
   * forgives (agent/fence/fence.ts). That the wall clock, the other one, goes back in the same seconds is
   * not promised against (docs/guarantees.md).
   */
  get isLateFed(): boolean {
    return this.kernel.isBeingFed || this.kernel.fedLateMs > forgivenLateMs;
  }

  /** From where it stood, which is a step back; or, if that is one fault too many, from where it should be. */
  restartWallClock(): void {
    if (this.isLateFed) this.clock.catchUp();
    else this.clock.goOn();
    this.#cluster.witness.changed(this.index);
  }

  /** Nothing is wrong with this host any more. */
  heal(): void {
    const { troubles } = this.neard;
    Object.assign(troubles, {
      rejectsReloads: false,
      hangsUntilMs: 0,
      undeadUntilMs: 0,
      slowness: 1,
      startsWithKey: false,
    });
    this.kernel.stalledUntilMs = 0;
    if (this.clock.isPaused) this.#endPause();
    this.kernel.resume();
    this.power.heal();
    this.restartWallClock();
    this.agentUnit.isDiskFull = false;
    this.agentUnit.resume();
    this.powerOn();
    this.#cluster.consul.deny(this.index, 0);
    this.#cluster.consul.start(this.index);
    this.#cluster.witness.changed(this.index);
  }
}
