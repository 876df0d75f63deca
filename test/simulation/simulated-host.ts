/**
 * One host: the agent's real decision core, and around it a kernel with the fence, a neard and the
 * effects' edge, all in virtual time. Mirrors agent/run/executor.ts effect by effect.
 *
 * What survives what: the agent's process can crash or stand still; the kernel's fence and neard go
 * on; a power loss takes all of it, the sealed key excepted.
 */
import type { TxnOperation } from "../../agent/consul/client.ts";
import { observedFrom } from "../../agent/consul/follow.ts";
import { reduce, start } from "../../agent/role/reduce.ts";
import type { Effect, Event, Lease, Settings, State, Step } from "../../agent/role/types.ts";
import { consulKeys } from "../../contract/topology.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";
import type { SimulatedConsul } from "./simulated-consul.ts";
import type { Timeline } from "./timeline.ts";

export const keys = consulKeys("localnet", "validator.localnet");

interface Neard {
  /** Another process never has the same. */
  readonly process: string;
  hasKey: boolean;
  readonly upMs: number;
  rejectsReload: boolean;
}

export interface World {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly consul: SimulatedConsul;
  readonly network: Network;
  readonly trace: (host: string, text: string) => void;
}

export class SimulatedHost {
  readonly settings: Settings;
  readonly #world: World;
  /** This host's seconds against true ones: clocks run up to 2 % apart, so up to 1 % either way. */
  readonly #rate: number;
  #bootedMs: number;
  #state: State | null = null;
  /** Answers to an agent that is no more must not reach its successor. */
  #incarnation = 0;
  #pausedUntilMs = 0;
  #powered = true;
  // The kernel.
  #armedEpoch: number | null = null;
  #openUntilMs = Number.NEGATIVE_INFINITY;
  #fenceFreeMs = 0;
  // The tmpfs.
  #keyFile = false;
  #leaseFile: Lease | null = null;
  #neard: Neard | null = null;
  #processes = 0;

  constructor(settings: Settings, world: World) {
    this.settings = settings;
    this.#world = world;
    this.#rate = 1 + world.random.between(-0.01, 0.01);
    this.#bootedMs = world.timeline.nowMs - world.random.between(0, 100_000);
    this.#startNeard(0);
    this.#startAgent();
  }

  get name(): string {
    return this.settings.host;
  }

  get phase(): string {
    return this.#state?.phase.name ?? "gone";
  }

  /** Key in memory and packets getting out: this host can validate at this instant. */
  get canSign(): boolean {
    if (!this.#powered || this.#neard === null || !this.#neard.hasKey) return false;
    return this.#armedEpoch === null || this.#world.timeline.nowMs < this.#openUntilMs;
  }

  get epoch(): number | null {
    return this.#armedEpoch;
  }

  // ---- faults ----

  /** The agent's process stands still (SIGSTOP); kernel and neard go on. */
  pauseAgent(forMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#world.timeline.nowMs + forMs);
  }

  crashAgent(restartAfterMs: number): void {
    this.#state = null;
    this.#incarnation += 1;
    const mine = this.#incarnation;
    this.#world.timeline.after(restartAfterMs, () => {
      if (this.#powered && mine === this.#incarnation) this.#startAgent();
    });
  }

  crashNeard(): void {
    this.#neard = null;
    this.#world.timeline.after(1000, () => this.#startNeard(this.#world.random.between(100, 3000)));
  }

  /** nft stands still between its start and its transaction: what it carries is late. */
  stallFence(forMs: number): void {
    this.#fenceFreeMs = Math.max(this.#fenceFreeMs, this.#world.timeline.nowMs + forMs);
  }

  makeNeardStubborn(rejects: boolean): void {
    if (this.#neard !== null) this.#neard.rejectsReload = rejects;
  }

  powerOff(forMs: number): void {
    this.#powered = false;
    this.#state = null;
    this.#incarnation += 1;
    this.#neard = null;
    this.#armedEpoch = null;
    this.#keyFile = false;
    this.#leaseFile = null;
    this.#world.timeline.after(forMs, () => {
      if (this.#powered) return;
      this.#powered = true;
      this.#bootedMs = this.#world.timeline.nowMs;
      this.#fenceFreeMs = 0;
      this.#startNeard(this.#world.random.between(100, 3000));
      this.#startAgent();
    });
  }

  ask(to: string): void {
    if (this.#state?.phase.name !== "active") return;
    const id = `switchover-${this.#world.timeline.nowMs}`;
    this.dispatch({ is: "switchover-asked", job: { id, to, window: false, startedMs: this.#bootMs() } });
  }

  // ---- the agent's process ----

  #bootMs(): number {
    // 10 ms resolution, rounded down, as /proc/uptime has it.
    return Math.floor(((this.#world.timeline.nowMs - this.#bootedMs) * this.#rate) / 10) * 10;
  }

  #startAgent(): void {
    this.#incarnation += 1;
    const saved = this.#leaseFile;
    const armed = this.#armedEpoch === null ? "no" : this.#armedEpoch === saved?.epoch ? "for-lease" : "otherwise";
    const findings = { savedLease: saved, armed, keyFilePresent: this.#keyFile } as const;
    this.#take(start(this.settings, findings, this.#bootMs()));
    this.dispatch({ is: "key-checked", available: true });
    this.#loop(
      () => 100,
      () => this.dispatch({ is: "tick" }),
    );
    this.#loop(
      () => 500,
      () => this.#probe(),
    );
    this.#follow(undefined);
  }

  /** Repeats while this incarnation lives; a paused process catches up when it wakes. */
  #loop(everyMs: () => number, act: () => void): void {
    const mine = this.#incarnation;
    const turn = () => {
      if (mine !== this.#incarnation) return;
      act();
      this.#world.timeline.after(everyMs(), () => this.#awake(mine, turn));
    };
    turn();
  }

  /** Runs `act` in this incarnation, once the process is not paused. */
  #awake(incarnation: number, act: () => void): void {
    if (incarnation !== this.#incarnation || !this.#powered) return;
    const { timeline } = this.#world;
    if (timeline.nowMs < this.#pausedUntilMs)
      timeline.after(this.#pausedUntilMs - timeline.nowMs, () => this.#awake(incarnation, act));
    else act();
  }

  dispatch(event: Event): void {
    if (this.#state === null) return;
    const before = this.#state.phase.name;
    const step = reduce(this.settings, this.#state, event, this.#bootMs());
    if (step.state.phase.name !== before)
      this.#world.trace(this.name, `${before} -> ${step.state.phase.name}: ${step.state.because}`);
    this.#take(step);
  }

  #take(step: Step): void {
    this.#state = step.state;
    for (const effect of step.effects) this.#start(effect);
  }

  #follow(index: number | undefined): void {
    const mine = this.#incarnation;
    const sentMs = this.#bootMs();
    this.#world.network.read(this.name, index, {
      ok: (read) =>
        this.#awake(mine, () => {
          this.dispatch(observedFrom(read, keys, sentMs));
          this.#follow(index !== undefined && read.index < index ? undefined : read.index);
        }),
      failed: () =>
        this.#awake(mine, () => this.#world.timeline.after(200, () => this.#awake(mine, () => this.#follow(index)))),
    });
  }

  #probe(): void {
    const mine = this.#incarnation;
    const atMs = this.#bootMs();
    this.#world.timeline.after(this.#world.random.between(1, 30), () =>
      this.#awake(mine, () => {
        const neard = this.#neard;
        const answered = neard !== null && this.#world.timeline.nowMs >= neard.upMs;
        this.dispatch({
          is: "probed",
          probe: {
            atMs,
            process: neard?.process ?? null,
            answered,
            chainId: answered ? this.settings.chainId : null,
            syncing: !answered,
            headAgeMs: answered ? 500 : Number.POSITIVE_INFINITY,
            height: null,
            validatorKey: answered && neard.hasKey ? this.settings.publicKey : null,
            configCorrect: answered ? !neard.rejectsReload : null,
            version: null,
            protocolVersion: null,
            latestProtocolVersion: null,
          },
        });
      }),
    );
  }

  // ---- effects ----

  #start(effect: Effect): void {
    const mine = this.#incarnation;
    const delayMs = "delayMs" in effect ? (effect.delayMs ?? 0) : 0;
    // Between deciding and doing the process can be stopped for any time.
    this.#world.timeline.after(delayMs + this.#world.random.between(0, 2), () =>
      this.#awake(mine, () => this.#do(effect)),
    );
  }

  #do(effect: Effect): void {
    const { network, random, timeline } = this.#world;
    const mine = this.#incarnation;
    const atMs = this.#bootMs();
    switch (effect.do) {
      case "create-session":
        this.#call(
          (consul) => consul.createSession(timeline.nowMs, 15_000, 15_000),
          effect.serial,
          (session) => ({
            is: "session-created",
            serial: effect.serial,
            session,
          }),
        );
        return;
      case "take-over": {
        const sentMs = this.#bootMs();
        const check: TxnOperation =
          effect.lock.modifyIndex === 0
            ? { verb: "check-not-exists", key: keys.lock }
            : { verb: "check-index", key: keys.lock, index: effect.lock.modifyIndex };
        const value = JSON.stringify({ host: this.name, seq: 0 });
        const unlock: TxnOperation[] =
          effect.lock.session === null ? [] : [{ verb: "unlock", key: keys.lock, session: effect.lock.session, value }];
        const operations: TxnOperation[] = [
          check,
          ...unlock,
          { verb: "lock", key: keys.lock, session: effect.session, value },
        ];
        this.#call(
          (consul) => consul.transact(timeline.nowMs, operations),
          effect.serial,
          (outcome) =>
            outcome.committed
              ? { is: "took-over", serial: effect.serial, sentMs, lockIndex: outcome.entries.at(-1)?.lockIndex ?? 0 }
              : { is: "failed", serial: effect.serial, certain: true, because: outcome.because },
        );
        return;
      }
      case "renew": {
        const sentMs = this.#bootMs();
        const { session } = effect;
        const value = JSON.stringify({ host: this.name, seq: effect.seq });
        this.#call(
          (consul) =>
            consul.transact(timeline.nowMs, [
              { verb: "check-session", key: keys.lock, session },
              { verb: "lock", key: keys.lock, session, value },
            ]),
          null,
          (outcome) =>
            outcome.committed
              ? { is: "renewed", session, sentMs, lockIndex: outcome.entries.at(-1)?.lockIndex ?? 0 }
              : { is: "renew-refused", session, because: outcome.because },
        );
        return;
      }
      case "release": {
        const value = JSON.stringify({ host: this.name, seq: effect.seq, released: effect.marker });
        this.#call(
          (consul) =>
            consul.transact(timeline.nowMs, [
              { verb: "check-session", key: keys.lock, session: effect.session },
              { verb: "unlock", key: keys.lock, session: effect.session, value },
            ]),
          effect.serial,
          (outcome) =>
            outcome.committed
              ? { is: "done", serial: effect.serial }
              : { is: "failed", serial: effect.serial, certain: true, because: outcome.because },
        );
        return;
      }
      case "renew-session":
        network.call(this.name, (consul) => consul.renewSession(timeline.nowMs, effect.session), {
          ok: () => {},
          failed: () => {},
        });
        return;
      case "destroy-session":
        network.call(this.name, (consul) => consul.endSession(timeline.nowMs, effect.session), {
          ok: () => {},
          failed: () => {},
        });
        return;
      case "publish":
        network.call(this.name, (consul) => consul.put(keys.host(this.name), effect.text), {
          ok: () => {},
          failed: () => {},
        });
        return;
      case "ask-switchover":
        network.call(this.name, (consul) => consul.put(keys.switchover, JSON.stringify(effect.note)), {
          ok: () => {},
          failed: () => {},
        });
        return;
      case "clear-switchover":
        network.call(this.name, (consul) => consul.delete(keys.switchover), { ok: () => {}, failed: () => {} });
        return;
      case "save-lease":
        this.#leaseFile = effect.lease;
        return;
      case "forget-lease":
        this.#leaseFile = null;
        return;
      case "feed":
        this.#feed(effect.epoch, effect.untilMs);
        return;
      case "arm":
        this.#fence(effect.serial, () => {
          this.#armedEpoch = effect.epoch;
          this.#openUntilMs = Number.NEGATIVE_INFINITY;
        });
        return;
      case "shut":
        this.#fence(effect.serial, () => {
          this.#openUntilMs = Number.NEGATIVE_INFINITY;
        });
        return;
      case "disarm":
        this.#fence(effect.serial, () => {
          this.#armedEpoch = null;
        });
        return;
      case "load-key":
        this.#keyFile = true;
        this.#reload(effect.serial);
        return;
      case "unload-key":
        this.#keyFile = false;
        this.#reload(effect.serial);
        return;
      case "kill-neard": {
        this.#neard = null;
        timeline.after(1000, () => this.#startNeard(random.between(100, 3000)));
        this.#answer(effect.serial, random.between(5, 60));
        return;
      }
      case "erase-key":
        this.#keyFile = false;
        this.#answer(effect.serial, 1);
        return;
      case "start-neard":
        this.#startNeard(random.between(100, 3000));
        this.#answer(effect.serial, 5);
        return;
      case "probe-soon":
        timeline.after(20, () => this.#awake(this.#incarnation, () => this.#probe()));
        return;
      case "ask-account":
        // Nobody outside this cluster signs for its account.
        timeline.after(random.between(1, 30), () =>
          this.#awake(mine, () => {
            const sight = { atMs, nearEpoch: 1, standing: "none", produced: 0, expected: 0 } as const;
            this.dispatch({ is: "account-seen", sight });
          }),
        );
        return;
      case "find-window":
      case "write-history":
        return;
    }
  }

  #call<T>(request: (consul: SimulatedConsul) => T, serial: number | null, event: (answer: T) => Event): void {
    const mine = this.#incarnation;
    this.#world.network.call(this.name, request, {
      ok: (answer) => this.#awake(mine, () => this.dispatch(event(answer))),
      failed: () =>
        this.#awake(mine, () => {
          if (serial !== null)
            this.dispatch({ is: "failed", serial, certain: false, because: "Consul did not answer" });
        }),
    });
  }

  #answer(serial: number, afterMs: number): void {
    const mine = this.#incarnation;
    this.#world.timeline.after(afterMs, () => this.#awake(mine, () => this.dispatch({ is: "done", serial })));
  }

  /** nft operations go one after the other; a started one is done by the kernel whatever the agent does. */
  #fence(serial: number | null, apply: () => void): void {
    const { timeline, random } = this.#world;
    const begin = Math.max(timeline.nowMs, this.#fenceFreeMs);
    const endMs = begin + random.between(1, 8);
    this.#fenceFreeMs = endMs;
    const booted = this.#bootedMs;
    timeline.after(endMs - timeline.nowMs, () => {
      if (this.#powered && booted === this.#bootedMs) apply();
    });
    if (serial !== null) this.#answer(serial, endMs - timeline.nowMs + 0.1);
  }

  #feed(epoch: number, untilMs: number): void {
    const remainingMs = untilMs - this.#bootMs();
    if (remainingMs < 20) return;
    // Condition (b): the wall clock, whole seconds, rounded down; computed here, before nft runs.
    const wallDeadlineMs = Math.floor((this.#world.timeline.nowMs + remainingMs) / 1000) * 1000;
    this.#fence(null, () => {
      if (this.#armedEpoch !== epoch) return;
      const elementMs = this.#world.timeline.nowMs + remainingMs / this.#rate;
      this.#openUntilMs = Math.min(elementMs, wallDeadlineMs);
    });
  }

  #reload(serial: number): void {
    const neard = this.#neard;
    const { timeline, random } = this.#world;
    if (neard === null || timeline.nowMs < neard.upMs) {
      this.dispatch({ is: "failed", serial, certain: false, because: "neard is not up" });
      return;
    }
    if (!neard.rejectsReload && !random.chance(0.05))
      timeline.after(random.between(5, 900), () => {
        if (this.#neard === neard) neard.hasKey = this.#keyFile;
      });
    this.#answer(serial, 1);
  }

  #startNeard(upAfterMs: number): void {
    if (!this.#powered || this.#neard !== null) return;
    // ExecStartPre= removes the key file: every process starts without a key.
    this.#keyFile = false;
    this.#processes += 1;
    const upMs = this.#world.timeline.nowMs + upAfterMs;
    this.#neard = { process: `${this.#processes}:0`, hasKey: false, upMs, rejectsReload: false };
  }
}
