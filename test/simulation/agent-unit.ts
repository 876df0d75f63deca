/**
 * The agent's systemd unit on one host: the agent's real code (executor, fence, following of the lock,
 * decision core) in a process that can stand still, crash and start again, and `holdfastd expire` between
 * two of its runs.
 *
 * What survives what: the process can end at any moment; the lease file is there for the next one, until
 * the power goes.
 */
import { systemAddresses } from "../../agent/address/address.ts";
import { Fence } from "../../agent/fence/fence.ts";
import type { Saved } from "../../agent/lease/lease-file.ts";
import { RollCall } from "../../agent/lease/roll-call.ts";
import type { Lease, Settings, Term } from "../../agent/role/types.ts";
import { expireOn } from "../../agent/run/expire.ts";
import { HistoryJournal, type JournalFile } from "../../agent/run/history-journal.ts";
import { NeardHost } from "../../agent/run/neard-host.ts";
import type { HistoryEntry } from "../../contract/wire/history.ts";
import { ConsulServers } from "../../host/consul/servers.ts";
import { AgentProcess } from "./agent-process.ts";
import type { Cluster } from "./cluster.ts";
import { keys, sealerOf } from "./cluster-names.ts";
import { type OnTransact, SimulatedClient } from "./consul/client.ts";
import type { HostClock } from "./host-clock.ts";
import type { Kernel } from "./kernel.ts";
import type { NeardUnit } from "./neard.ts";

/** systemd's, as infra/plan/agent.ts sets it. */
const watchdogMs = 5000;
const restartMs = 200;

/** The host that it runs on. */
export interface Home {
  readonly index: number;
  readonly name: string;
  readonly settings: Settings;
  readonly clock: HostClock;
  readonly kernel: Kernel;
  readonly neard: NeardUnit;
}

export class AgentUnit {
  readonly #cluster: Cluster;
  readonly #home: Home;
  #process: AgentProcess | null = null;
  #agent: NeardHost | null = null;
  /** ExecStopPost=, while it runs. */
  #expiring: AgentProcess | null = null;
  #saved: Saved | null = null;
  #journal: HistoryEntry[] = [];
  #isDoubted = false;
  /** The lease cannot be saved. */
  isDiskFull = false;

  constructor(cluster: Cluster, home: Home) {
    this.#cluster = cluster;
    this.#home = home;
  }

  /** The real agent; null while there is none. */
  get agent(): NeardHost | null {
    return this.#process?.isAlive === true ? this.#agent : null;
  }

  get process(): AgentProcess | null {
    return this.#process?.isAlive === true ? this.#process : null;
  }

  start(): void {
    const cluster = this.#cluster;
    const { name, settings, clock, neard } = this.#home;
    const process = new AgentProcess(cluster.timeline, clock);
    this.#process = process;
    this.#agent = null;
    const servers = new ConsulServers(this.#clients(process), process.clock);
    const sealer = sealerOf([settings.publicKey, settings.nextPublicKey ?? ""]);
    const partners = {
      config: { host: name, account: "validator.localnet", lease: settings.lease },
      keys,
      clock: process.clock,
      servers,
      fence: this.#fence(process),
      neard: neard.driverOf(process, settings.chainId, (atMs) => cluster.accountSight(atMs)),
      custody: {
        available: true,
        nextAvailable: settings.nextPublicKey !== null,
        fault: null,
        sealer,
        write: (key: string) => process.edgeSync(() => this.#setKeyFile(key)),
        erase: () => process.edgeSync(() => this.#setKeyFile(null)),
        filePresent: () => neard.keyFile !== null,
        placeFault: () => null,
        mendPlace: () => null,
      },
      // It touches neither key nor fence: the simulation has nothing to say about it.
      addresses: { ways: [], world: systemAddresses(() => {}) },
      deviceOf: (host: string) => cluster.hosts.find((one) => one.name === host)?.power.deviceFor(process) ?? null,
      roll: new RollCall(name, sealer, () => cluster.newQuestion()),
      leaseFile: this.#leaseFile(process),
      doubtFile: this.#doubtFile(process),
      // There is no gossip here.
      whenUnseen: () => {},
      history: new HistoryJournal({
        servers,
        keyOf: keys.history,
        clock: process.clock,
        file: this.#journalFile(process),
        log: cluster.logOf(name),
      }),
      log: cluster.logOf(name),
    };
    const never = new AbortController().signal;
    NeardHost.begin(partners, settings).then(
      (agent) => {
        this.#agent = agent;
        agent.run(never).catch((error: Error) => {
          cluster.witness.violate("no-crash", `${name}: ${error.stack ?? error.message}`);
        });
      },
      // It could not even look at its fence: the program ends, and systemd starts it again.
      () => {
        if (process === this.#process) this.crash(0);
      },
    );
  }

  /** SIGKILL. systemd runs `holdfastd expire`, and then starts the agent again. */
  crash(downMs: number): void {
    if (this.process === null) return;
    this.#process?.kill();
    const stopPost = new AgentProcess(this.#cluster.timeline, this.#home.clock);
    this.#expiring = stopPost;
    const restart = () => stopPost.after(restartMs + downMs, () => this.start());
    this.#expire(stopPost).then(restart, restart);
  }

  async #expire(process: AgentProcess): Promise<void> {
    const { settings, clock, neard } = this.#home;
    const fence = this.#fence(process);
    const driver = neard.driverOf(process, settings.chainId, () => {
      throw new Error("not asked");
    });
    await expireOn(
      {
        isArmed: async () => (await fence.armedMark()) !== null,
        keyFilePresent: () => neard.keyFile !== null,
        leaseLeftMs: () => (this.#saved === null ? null : this.#saved.lease.deadlineMs - clock.bootMs()),
        shut: async () => await fence.shut(this.#saved?.lease.epoch ?? null),
        killNeard: async () => await driver.kill(),
        eraseKey: () => this.#setKeyFile(null),
        disarm: async () => await fence.disarm(),
        forgetLease: () => {
          this.#saved = null;
        },
        orphansGone: async () => {},
      },
      { force: false },
    );
  }

  /** SIGSTOP for so long, or until systemd's watchdog has had enough. */
  pause(forMs: number): void {
    this.process?.pause(forMs);
    this.#expectWatchdog(forMs);
  }

  /** The same, in the middle of something. */
  pauseAtEdge(forMs: number): void {
    this.process?.pauseAtEdge(forMs);
  }

  #expectWatchdog(forMs: number): void {
    const victim = this.#process;
    if (!this.#cluster.hasWatchdog || forMs < watchdogMs || victim === null) return;
    this.#cluster.timeline.after(watchdogMs, () => {
      // systemd stands still too.
      if (this.#home.clock.isPaused) return;
      if (victim.isAlive && victim.isPaused && victim === this.#process) this.crash(300);
    });
  }

  /** With the whole host, systemd's watchdog included. */
  freeze(forMs: number): void {
    this.#process?.pause(forMs);
    this.#expiring?.pause(forMs);
  }

  resume(): void {
    this.#process?.resume();
    this.#expiring?.resume();
  }

  /** The lease file is in /run, and goes with the power. */
  powerOff(): void {
    this.#process?.kill();
    this.#expiring?.kill();
    this.#saved = null;
    this.#journal = [];
    this.#isDoubted = false;
  }

  #setKeyFile(key: string | null): void {
    this.#home.neard.keyFile = key;
  }

  #fence(process: AgentProcess): Fence {
    return new Fence(process.clock, 1000, this.#home.kernel.nftOf(process, this.#cluster.random));
  }

  #leaseFile(process: AgentProcess) {
    return {
      load: () => this.#saved,
      save: (lease: Lease, term: Term) => {
        if (this.isDiskFull) throw new Error("no space left on device");
        process.edgeSync(() => {
          this.#saved = { lease, term };
        });
      },
      forget: () =>
        process.edgeSync(() => {
          this.#saved = null;
        }),
    };
  }

  #doubtFile(process: AgentProcess) {
    return {
      load: () => this.#isDoubted,
      save: (isDoubted: boolean) => {
        if (this.isDiskFull) throw new Error("no space left on device");
        process.edgeSync(() => {
          this.#isDoubted = isDoubted;
        });
      },
    };
  }

  #journalFile(process: AgentProcess): JournalFile {
    return {
      load: () => this.#journal,
      save: (entries) => {
        if (this.isDiskFull) throw new Error("no space left on device");
        process.edgeSync(() => {
          this.#journal = [...entries];
        });
      },
    };
  }

  /** This host's own Consul first, then the others'. */
  #clients(process: AgentProcess): SimulatedClient[] {
    const { consul, hosts } = this.#cluster;
    const { index } = this.#home;
    // As infra/plan/asked-servers.ts has it: no arbiter's, for one of three is no majority.
    const order = [index, ...hosts.map((_, i) => i).filter((i) => i !== index && hosts[i]?.hasNeard === true)];
    const onTransact: OnTransact = (operations, sentMs) => this.#cluster.transacting(index, operations, sentMs);
    return order.map((by) => new SimulatedClient({ process, host: index, by, consul, onTransact }));
  }
}
