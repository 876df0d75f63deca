/**
 * One host: its clocks, kernel and neard, and the agent's real code (executor, fence, following of the
 * lock, decision core) in a process that can stand still, crash and start again.
 *
 * What survives what: the agent's process can end at any moment; the kernel's fence, neard and the
 * lease file go on; a power loss takes all of it, the sealed key excepted.
 */
import { ConsulServers } from "../../agent/consul/servers.ts";
import { Fence } from "../../agent/fence/fence.ts";
import type { Lease, Settings } from "../../agent/role/types.ts";
import { expireOn } from "../../agent/run/expire.ts";
import { NeardHost } from "../../agent/run/neard-host.ts";
import { AgentProcess } from "./agent-process.ts";
import type { Cluster } from "./cluster.ts";
import { keys } from "./cluster-names.ts";
import { type OnTransact, SimulatedClient } from "./consul/client.ts";
import { HostClock } from "./host-clock.ts";
import { Kernel } from "./kernel.ts";
import { NeardUnit } from "./neard.ts";
import { epochOfMark, forgivenLateMs, type Watched } from "./witness.ts";

/** systemd's, as infra/plan/agent.ts sets it. */
const watchdogMs = 5000;
const restartMs = 200;

export class Host implements Watched {
  readonly name: string;
  readonly index: number;
  readonly settings: Settings;
  readonly clock: HostClock;
  readonly kernel: Kernel;
  readonly neard: NeardUnit;
  readonly #cluster: Cluster;
  #process: AgentProcess | null = null;
  #agent: NeardHost | null = null;
  /** ExecStopPost= of the agent's unit, while it runs. */
  #expiring: AgentProcess | null = null;
  #isPowered = true;
  #boots = 0;
  #savedLease: Lease | null = null;
  isDiskFull = false;
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
    this.neard = new NeardUnit(timeline, random, settings.publicKey, onChange);
  }

  begin(): void {
    if (!this.hasNeard) return;
    this.neard.start();
    this.#startAgent();
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
    return this.#process?.isAlive === true ? this.#agent : null;
  }

  get process(): AgentProcess | null {
    return this.#process?.isAlive === true ? this.#process : null;
  }

  get phase(): string {
    if (!this.hasNeard) return "arbiter";
    return this.agent?.state.phase.name ?? "gone";
  }

  // ---- the agent's unit ----

  #startAgent(): void {
    const cluster = this.#cluster;
    const process = new AgentProcess(cluster.timeline, this.clock);
    this.#process = process;
    this.#agent = null;
    const partners = {
      config: { host: this.name, account: "validator.localnet", lease: this.settings.lease },
      keys,
      clock: process.clock,
      servers: new ConsulServers(this.#clients(process), process.clock),
      fence: this.#fence(process),
      neard: this.neard.driverOf(process, this.settings.chainId, (atMs) => cluster.accountSight(atMs)),
      custody: {
        available: true,
        fault: null,
        write: () => process.edgeSync(() => this.#setKeyFile(true)),
        erase: () => process.edgeSync(() => this.#setKeyFile(false)),
        filePresent: () => this.neard.keyFile,
      },
      leaseFile: {
        load: () => this.#savedLease,
        save: (lease: Lease) => {
          if (this.isDiskFull) throw new Error("no space left on device");
          process.edgeSync(() => {
            this.#savedLease = lease;
          });
        },
        forget: () =>
          process.edgeSync(() => {
            this.#savedLease = null;
          }),
      },
      log: cluster.logOf(this.name),
    };
    const never = new AbortController().signal;
    NeardHost.begin(partners, this.settings).then(
      (agent) => {
        this.#agent = agent;
        agent.run(never).catch((error: Error) => {
          cluster.witness.violate("no-crash", `${this.name}: ${error.stack ?? error.message}`);
        });
      },
      // It could not even look at its fence: the program ends, and systemd starts it again.
      () => {
        if (process === this.#process) this.crashAgent(0);
      },
    );
  }

  #setKeyFile(isThere: boolean): void {
    this.neard.keyFile = isThere;
  }

  #fence(process: AgentProcess): Fence {
    return new Fence(process.clock, 1000, this.kernel.nftOf(process, this.#cluster.random));
  }

  /** This host's own Consul first, then the others'. */
  #clients(process: AgentProcess): SimulatedClient[] {
    const { consul, hosts } = this.#cluster;
    const order = [this.index, ...hosts.map((_, i) => i).filter((i) => i !== this.index)];
    const onTransact: OnTransact = (operations, sentMs) => this.#cluster.transacting(this.index, operations, sentMs);
    return order.map((by) => new SimulatedClient({ process, host: this.index, by, consul, onTransact }));
  }

  /** SIGKILL. systemd runs `holdfastd expire`, and then starts the agent again. */
  crashAgent(downMs: number): void {
    if (this.process === null) return;
    this.#process?.kill();
    const { timeline } = this.#cluster;
    const stopPost = new AgentProcess(timeline, this.clock);
    this.#expiring = stopPost;
    const restart = () => stopPost.after(restartMs + downMs, () => this.#startAgent());
    this.#expire(stopPost).then(restart, restart);
  }

  async #expire(process: AgentProcess): Promise<void> {
    const fence = this.#fence(process);
    const driver = this.neard.driverOf(process, this.settings.chainId, () => {
      throw new Error("not asked");
    });
    await expireOn(
      {
        isArmed: async () => (await fence.armedMark()) !== null,
        leaseLeftMs: () => (this.#savedLease === null ? 0 : this.#savedLease.deadlineMs - this.clock.bootMs()),
        shut: async () => await fence.shut(),
        killNeard: async () => await driver.kill(),
        eraseKey: () => this.#setKeyFile(false),
        disarm: async () => await fence.disarm(),
        orphansGone: async () => {},
      },
      { force: false },
    );
  }

  /** SIGSTOP for so long, or until systemd's watchdog has had enough. */
  pauseAgent(forMs: number): void {
    this.process?.pause(forMs);
    this.#expectWatchdog(forMs);
  }

  /** The same, in the middle of something. */
  pauseAgentAtEdge(forMs: number): void {
    this.process?.pauseAtEdge(forMs);
  }

  #expectWatchdog(forMs: number): void {
    const victim = this.#process;
    if (!this.#cluster.hasWatchdog || forMs < watchdogMs || victim === null) return;
    this.#cluster.timeline.after(watchdogMs, () => {
      if (victim.isAlive && victim.isPaused && victim === this.#process) this.crashAgent(300);
    });
  }

  // ---- the machine ----

  /** Everything on it stands still; its clocks and the kernel's timers go on. */
  freeze(forMs: number): void {
    const untilMs = this.#cluster.timeline.nowMs + forMs;
    this.#process?.pause(forMs);
    this.#expiring?.pause(forMs);
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

  powerOff(): void {
    if (!this.#isPowered) return;
    this.#isPowered = false;
    this.#boots += 1;
    this.#process?.kill();
    this.#expiring?.kill();
    this.#savedLease = null;
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
    this.#startAgent();
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
    Object.assign(troubles, { rejectsReloads: false, hangsUntilMs: 0, undeadUntilMs: 0, slowness: 1 });
    this.kernel.stalledUntilMs = 0;
    this.kernel.resume();
    this.restartWallClock();
    this.isDiskFull = false;
    this.#process?.resume();
    this.#expiring?.resume();
    this.powerOn();
    this.#cluster.consul.start(this.index);
    this.#cluster.witness.changed(this.index);
  }
}
