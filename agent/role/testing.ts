/** For the tests of agent/role: settings, good probes, and a core to which one can tell events. */
import { defaultTiming } from "../../contract/timing.ts";
import type { CleanMarker } from "../../contract/wire/lock-record.ts";
import type { LockView } from "../lease/lock-record.ts";
import { noDuties } from "./heard.ts";
import { type Findings, reduce, start } from "./reduce.ts";
import type { AccountSight, Effect, Event, Probe, Settings, State } from "./types.ts";

export const settings: Settings = {
  host: "host-b",
  priority: 100,
  peers: [
    { host: "host-a", priority: 100 },
    { host: "host-b", priority: 100 },
  ],
  lease: defaultTiming,
  publicKey: "ed25519:ours",
  nextPublicKey: null,
  chainId: "localnet",
  maxHeadAgeMs: 20_000,
  hungMs: 10_000,
  fencing: { mode: "off", skipWait: false, devices: [] },
};

export const nothingFound: Findings = {
  savedLease: null,
  savedTerm: null,
  armed: "no",
  keyFilePresent: false,
  isDoubted: false,
};

/** What host-a writes when it hands over to host-b. */
export const markerOfA: CleanMarker = {
  by: "host-a",
  session: "session-a",
  to: "host-b",
  epoch: 4,
  switchover: "s1",
  because: "switchover from host-a",
  height: null,
  deaths: 0,
};

export const heldByA = (modifyIndex: number): LockView => ({
  modifyIndex,
  lockIndex: 4,
  session: "session-a",
  value: { host: "host-a", seq: modifyIndex, heardMs: settings.lease.leaseMs + settings.lease.stopMs },
  seal: "right",
});

/** What neard says of the account: it validates, and the chain has our key for it in this NEAR epoch and the next. */
export function sightAt(atMs: number, change: Partial<AccountSight> = {}): AccountSight {
  return {
    atMs,
    nearEpoch: 7,
    standing: "validating",
    produced: 0,
    expected: 0,
    duties: noDuties,
    key: settings.publicKey,
    nextKey: settings.publicKey,
    nextStartHeight: null,
    ...change,
  };
}

/** One agent's core with a clock of its own. Effects are collected, not carried out. */
export class Core {
  state: State;
  effects: Effect[];
  nowMs: number;

  readonly #settings: Settings;

  constructor(findings: Findings = nothingFound, nowMs = 1_000_000, own: Settings = settings) {
    this.#settings = own;
    const step = start(own, findings, nowMs);
    this.state = step.state;
    this.effects = [...step.effects];
    this.nowMs = nowMs;
  }

  tell(event: Event): this {
    const step = reduce(this.#settings, this.state, event, this.nowMs);
    this.state = step.state;
    this.effects.push(...step.effects);
    return this;
  }

  after(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  /** Ticks every 100 ms, with a good probe and a confirmed look at the lock every 500 ms. */
  live(ms: number, lock: LockView, probe: Partial<Probe> = {}): this {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.probe(probe).see(lock);
      for (let i = 0; i < 5 && this.nowMs < endMs; i++) this.after(100).tell({ is: "tick" });
    }
    return this;
  }

  /** Watches host-a renew twice a second, up to index 50, for long enough to believe its marker. */
  watched(): this {
    for (let index = 50 - 2 * (settings.lease.takeoverMs / 1000); index <= 50; index++) this.live(500, heldByA(index));
    return this;
  }

  probe(change: Partial<Probe> = {}): this {
    const probe: Probe = {
      atMs: this.nowMs,
      process: "1:1",
      answered: true,
      chainId: "localnet",
      syncing: false,
      headAgeMs: 500,
      height: 10,
      validatorKey: null,
      configCorrect: true,
      version: null,
      protocolVersion: 84,
      latestProtocolVersion: 84,
      ...change,
    };
    return this.tell({ is: "probed", probe });
  }

  see(lock: LockView, change: Partial<Extract<Event, { is: "observed" }>> = {}): this {
    return this.tell({
      is: "observed",
      sentMs: this.nowMs,
      index: Math.max(lock.modifyIndex, 100),
      lock,
      paused: false,
      switchover: null,
      notes: {},
      ...change,
    });
  }

  /** The effects of one kind asked for since the last look, oldest first; forgets all. */
  asked<K extends Effect["do"]>(kind: K): Extract<Effect, { do: K }>[] {
    const found = this.effects.filter((effect): effect is Extract<Effect, { do: K }> => effect.do === kind);
    this.effects = [];
    return found;
  }

  /** Answers the newest effect that waits for an answer. */
  done(): this {
    return this.tell({ is: "done", serial: this.state.serial });
  }

  fail(certain = false): this {
    return this.tell({ is: "failed", serial: this.state.serial, certain, because: "it broke" });
  }
}

/** A core that took over and is active with epoch 5; with two keys where `own` has them. */
export function activeCore(own: Settings = settings): Core {
  const core = new Core(nothingFound, 1_000_000, own);
  core.tell({ is: "key-checked", available: true, nextAvailable: own.nextPublicKey !== null }).live(7600, heldByA(50));
  core.tell({ is: "session-created", serial: core.state.serial, session: "session-b" });
  core.tell({ is: "took-over", serial: core.state.serial, sentMs: core.nowMs, lockIndex: 5 });
  core.done().done();
  core.after(50).probe({ validatorKey: settings.publicKey });
  if (core.state.phase.name !== "active") throw new Error(`not active: ${core.state.because}`);
  core.effects = [];
  return core;
}
