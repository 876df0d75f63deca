/** Three hosts, their network and their Consul, in virtual time: all that a fault can strike. */

import { cleanMarker, lockViewFrom } from "../../agent/lease/lock-record.ts";
import type { AccountSight } from "../../agent/role/types.ts";
import type { LeaseTiming } from "../../contract/timing.ts";
import type { KvEntry, TxnOperation, TxnOutcome } from "../../host/consul/client.ts";
import { keys, nextPublicKey, publicKey, sealerOf } from "./cluster-names.ts";
import { ConsulCluster } from "./consul/cluster.ts";
import type { Snapshot } from "./consul/store.ts";
import { Host } from "./host.ts";
import { NearKeys } from "./near-keys.ts";
import { Network } from "./network.ts";
import { Random, seedFor } from "./random.ts";
import { Timeline } from "./timeline.ts";
import { Witness } from "./witness.ts";

/** How a run's cluster is made; part of its schedule. */
export interface ClusterShape {
  /** For everything that is random in the cluster itself: delays, elections, coins. */
  readonly seed: number;
  readonly neardHosts: 2 | 3;
  readonly hasWatchdog: boolean;
  /** Each host's seconds against true ones. */
  readonly rates: readonly number[];
  readonly lease: LeaseTiming;
  /** The account's key changes with every NEAR epoch, and the hosts have both. */
  readonly isKeyChanging?: boolean;
  /** They have only the first: somebody changed the key on chain and gave the hosts no other. */
  readonly isNextKeyMissing?: boolean;
  /** Power-off fencing; absent: none. */
  readonly fencing?: ShapeFencing;
  /** Where hosts differ in it: an apply of another timing is under way, or was cut short. */
  readonly leases?: readonly LeaseTiming[];
}

export interface ShapeFencing {
  readonly mode: "bestEffort" | "required";
  readonly skipWait: boolean;
  /** Its devices never lie. Only then may machines be paused, or the wait be skipped: docs/guarantees.md. */
  readonly isHonest: boolean;
}

/** Shorter than the default, so that several tries fit into a storm. */
const powerMs = 6000;

const hostNames = ["host-a", "host-b", "host-c"];
const slotMs = 600;
const mostPast = 1000;
const anySealer = sealerOf([publicKey, nextPublicKey]);

export class Cluster {
  readonly timeline = new Timeline();
  readonly random: Random;
  readonly network: Network;
  readonly consul: ConsulCluster;
  readonly witness: Witness;
  readonly hosts: readonly Host[];
  readonly hasWatchdog: boolean;
  readonly nearKeys: NearKeys;
  /** For the power switches alone: a cluster without fencing runs as if there were none. */
  readonly power: Random;
  readonly fencing: ShapeFencing | { readonly mode: "off"; readonly skipWait: false; readonly isHonest: true };
  #questions = 0;
  /** What had been signed and due when the present NEAR epoch was first asked about: its counts begin there. */
  #counted = { nearEpoch: Number.NaN, produced: 0, expected: 0 };
  readonly #trace: ((line: string) => void) | null;
  /** Taken during the run, oldest first. */
  readonly snapshots: Snapshot[] = [];
  /** What the hosts wrote into the lock, oldest first: for whoever writes it again. */
  readonly lockPast: KvEntry[] = [];

  constructor(shape: ClusterShape, trace: ((line: string) => void) | null) {
    this.#trace = trace;
    this.random = new Random(shape.seed);
    this.hasWatchdog = shape.hasWatchdog;
    this.fencing = shape.fencing ?? { mode: "off", skipWait: false, isHonest: true };
    const { mode, skipWait } = this.fencing;
    this.power = new Random(seedFor(shape.seed, 7));
    this.nearKeys = new NearKeys(shape.isKeyChanging ?? false);
    const { timeline, random } = this;
    this.network = new Network(hostNames.length, random);
    this.consul = new ConsulCluster(hostNames.length, { timeline, random, network: this.network });
    const leases = hostNames.map((_, index) => shape.leases?.[index] ?? shape.lease);
    this.witness = new Witness(
      timeline,
      leases.map(({ leaseMs }) => leaseMs),
    );
    const peers = hostNames.slice(0, shape.neardHosts).map((host) => ({ host, priority: 100 }));
    this.hosts = hostNames.map((host, index) => {
      const settings = {
        host,
        priority: 100,
        peers,
        lease: leases[index] ?? shape.lease,
        publicKey,
        nextPublicKey: this.nearKeys.isChanging && shape.isNextKeyMissing !== true ? nextPublicKey : null,
        chainId: "localnet",
        maxHeadAgeMs: 20_000,
        hungMs: 10_000,
        fencing: { mode, skipWait, devices: peers.map((peer) => ({ host: peer.host, withinMs: powerMs })) },
      };
      return new Host(this, index, settings, index < shape.neardHosts, shape.rates[index] ?? 1);
    });
    this.witness.watch(this.hosts);
    for (const host of this.hosts) host.begin();
  }

  get neardHosts(): readonly Host[] {
    return this.hosts.filter((host) => host.hasNeard);
  }

  /** The host whose agent has the lease, by its own belief. */
  get holder(): Host | null {
    return this.hosts.find((host) => ["taking", "active", "handing"].includes(host.phase)) ?? null;
  }

  /** What the agents that run now have seen of somebody who tampers with the lock. */
  get tampering(): readonly string[] {
    return this.hosts.flatMap(({ name, agent }) => {
      const seen = agent?.state.tampering ?? null;
      return seen === null ? [] : [`${name}: ${seen.because}`];
    });
  }

  /** A text that no roll call has named before. */
  newQuestion(): string {
    this.#questions += 1;
    return `question ${this.#questions}`;
  }

  get isPaused(): boolean {
    return this.consul.store.entry(keys.pause) !== undefined;
  }

  trace(who: string, what: string): void {
    this.#trace?.(`${(this.timeline.nowMs / 1000).toFixed(3).padStart(10)} ${who.padEnd(8)} ${what}`);
  }

  get isTracing(): boolean {
    return this.#trace !== null;
  }

  /** The agent's log, into the trace. */
  logOf(host: string) {
    const nothing = () => {};
    if (this.#trace === null) return { info: nothing, warn: nothing, error: nothing };
    const line = (fields: object, text?: string) => this.trace(host, `${text} ${JSON.stringify(fields)}`);
    return { info: line, warn: line, error: line };
  }

  /** A host's transaction is about to be committed or refused; to be called with its outcome. */
  transacting(index: number, operations: readonly TxnOperation[], sentMs: number): (outcome: TxnOutcome) => void {
    const judge = this.#judging(index, operations, sentMs);
    return (outcome) => {
      if (outcome.committed) this.#remember();
      judge(outcome);
    };
  }

  #remember(): void {
    const lock = this.consul.store.entry(keys.lock);
    if (lock === undefined) return;
    this.lockPast.push(lock);
    if (this.lockPast.length > mostPast) this.lockPast.splice(0, mostPast / 2);
  }

  #judging(index: number, operations: readonly TxnOperation[], sentMs: number): (outcome: TxnOutcome) => void {
    if (operations.at(-1)?.verb !== "lock") return () => {};
    const isRenewal = operations[0]?.verb === "check-session";
    const { isPaused } = this;
    const lock = isRenewal ? null : lockViewFrom(this.consul.store.entry(keys.lock), anySealer);
    return (outcome) => {
      if (lock !== null && this.#trace !== null)
        this.trace(
          "consul",
          `take-over by ${this.hosts[index]?.name}: ${outcome.committed ? "committed" : outcome.because}`,
        );
      if (!outcome.committed) return;
      this.witness.confirmed(index, sentMs);
      if (lock === null) return;
      const epoch = outcome.entries.at(-1)?.lockIndex ?? 0;
      this.witness.tookOver(index, epoch, { isPaused, successor: cleanMarker(lock)?.to ?? null });
    };
  }

  /** What the chain shows of our account: it has every slot, and signs while somebody can. */
  accountSight(atMs: number): AccountSight {
    const { nowMs } = this.timeline;
    const onChain = this.nearKeys.at(nowMs);
    const all = { produced: Math.floor(this.witness.signedMs / slotMs), expected: Math.floor(nowMs / slotMs) };
    if (onChain.nearEpoch !== this.#counted.nearEpoch) {
      const isFirst = Number.isNaN(this.#counted.nearEpoch);
      this.#counted = { nearEpoch: onChain.nearEpoch, ...(isFirst ? { produced: 0, expected: 0 } : all) };
    }
    const produced = all.produced - this.#counted.produced;
    const expected = all.expected - this.#counted.expected;
    const none = { produced: 0, expected: 0 };
    const duties = { blocks: none, chunks: none, endorsements: { produced, expected } };
    return { atMs, ...onChain, standing: "validating", produced, expected, duties };
  }

  /** Everything that was broken works again; what was written stays written. */
  heal(): void {
    this.network.mendAll();
    this.consul.servers.slowCommitMs = 0;
    for (const host of this.hosts) host.heal();
    this.consul.elections.review();
    this.#resume();
  }

  /** An operator lifts the pause, as soon as Consul takes it. */
  #resume(): void {
    if (!this.isPaused) return;
    if (!this.consul.change((store) => store.delete(keys.pause))) this.timeline.after(500, () => this.#resume());
  }
}
