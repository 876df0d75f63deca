/**
 * Carries out what the decision core asks for, and tells it how that ended. No decisions here: an
 * effect is done, or it failed, and if it failed it is said whether that is certain.
 */
import type { Logger } from "pino";
import type { consulKeys } from "../../contract/topology.ts";
import type { AgentConfig, TakeoverAddress } from "../../contract/wire/agent-config.ts";
import { readShape, textOf, understood } from "../../contract/wire/format.ts";
import type { HistoryEntry } from "../../contract/wire/history.ts";
import type { LockRecord } from "../../contract/wire/lock-record.ts";
import { type Connection, connectionsNoteShape, switchoverNoteShape } from "../../contract/wire/notes.ts";
import type { TxnOperation } from "../../host/consul/client.ts";
import { ConsulRefused, refusedByLockDelay } from "../../host/consul/errors.ts";
import type { ConsulServers, LeaseConsul } from "../../host/consul/servers.ts";
import type { Clock } from "../../host/system/clock.ts";
import { type AddressWorld, answerFor } from "../address/address.ts";
import type { Custody } from "../custody/custody.ts";
import type { Fence } from "../fence/fence.ts";
import type { DoubtFile } from "../lease/doubt-file.ts";
import type { LeaseFile } from "../lease/lease-file.ts";
import { lockValueText } from "../lease/lock-record.ts";
import type { RollCall } from "../lease/roll-call.ts";
import type { NeardDriver } from "../neard/driver.ts";
import { endNeard } from "../neard/end.ts";
import type { DeviceOf } from "../power/devices.ts";
import { PowerJobs } from "../power/power-jobs.ts";
import type { Effect, Event } from "../role/types.ts";
import type { HistoryJournal } from "./history-journal.ts";

/** All that the agent touches; the simulation brings its own neard, lease file, Consul and clock. */
export interface Partners {
  readonly config: Pick<AgentConfig, "host" | "account" | "lease">;
  readonly keys: ReturnType<typeof consulKeys>;
  readonly clock: Clock;
  readonly servers: ConsulServers<LeaseConsul>;
  /** Told of every look at the lock that Consul did not answer; see regain-leader.ts. */
  readonly whenUnseen: (error: unknown) => void;
  readonly fence: Fence;
  readonly neard: Pick<
    NeardDriver,
    "process" | "probe" | "reload" | "kill" | "start" | "nextWindowMs" | "accountSight"
  >;
  readonly custody: Custody;
  /** Hosts whose address may be answered for, and how. */
  readonly addresses: { readonly ways: readonly TakeoverAddress[]; readonly world: AddressWorld };
  /** By which the power of other hosts can be cut. */
  readonly deviceOf: DeviceOf;
  readonly roll: RollCall;
  /** Writes it as soon as Consul takes it. */
  readonly history: Pick<HistoryJournal, "add">;
  readonly leaseFile: Pick<LeaseFile, "load" | "save" | "forget">;
  readonly doubtFile: Pick<DoubtFile, "load" | "save">;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
}

/** One renewal's bound: short, for a silently cut server shows as a request that hangs. */
const renewTimeoutMs = 2000;
/** A maintenance window must be at least this long: a switchover takes less. */
const windowMs = 2400;
/** NEAR's slots, for the estimate of when a window opens. */
const slotMs = 600;

export class Executor {
  readonly #p: Partners;
  readonly #dispatch: (event: Event) => void;
  readonly #probeNow: () => void;
  #isAccountKnown = true;
  readonly #power: PowerJobs;

  constructor(partners: Partners, dispatch: (event: Event) => void, probeNow: () => void) {
    this.#p = partners;
    this.#dispatch = dispatch;
    this.#probeNow = probeNow;
    this.#power = new PowerJobs(partners, partners.log, dispatch);
  }

  /** Starts the effect. Never throws; the outcome comes as an event. */
  start(effect: Effect): void {
    void this.#carryOut(effect);
  }

  async #carryOut(effect: Effect): Promise<void> {
    try {
      if ("delayMs" in effect && effect.delayMs !== undefined && effect.delayMs > 0)
        await this.#p.clock.sleep(effect.delayMs);
      await this.#do(effect);
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      this.#p.log.warn({ effect: effect.do }, because);
      if ("serial" in effect) {
        const certain = error instanceof ConsulRefused;
        this.#dispatch({ is: "failed", serial: effect.serial, certain, because });
      }
    }
  }

  async #do(effect: Effect): Promise<void> {
    const { fence, neard, custody, leaseFile, servers, keys } = this.#p;
    switch (effect.do) {
      case "create-lock":
        await servers.use((consul) =>
          consul.put(keys.lock, this.#record({ session: "", epoch: 0, seq: 0 }), { cas: 0 }),
        );
        return;
      case "create-session":
        return await this.#createSession(effect.serial);
      case "take-over":
        return await this.#takeOver(effect);
      case "renew":
        return await this.#renew(effect);
      case "renew-session":
        await servers.use((consul) => consul.renewSession(effect.session));
        return;
      case "destroy-session":
        return await servers.use((consul) => consul.destroySession(effect.session));
      case "release":
        return await this.#release(effect);
      case "save-lease":
        return leaseFile.save(effect.lease, effect.term);
      case "forget-lease":
        return leaseFile.forget();
      case "note-doubt":
        return await this.#noteDoubt(effect.isDoubted);
      case "feed":
        return await fence.feed(effect.epoch, effect.untilMs);
      case "arm":
        return await this.#done(effect.serial, fence.arm(effect.epoch));
      case "shut":
        return await this.#done(effect.serial, fence.shut(effect.epoch));
      case "disarm":
        return await this.#done(effect.serial, fence.disarm());
      case "load-key":
        custody.write(effect.key);
        return await this.#done(effect.serial, neard.reload());
      case "unload-key":
        custody.erase();
        return await this.#done(effect.serial, neard.reload());
      case "kill-neard":
        return await this.#done(effect.serial, this.#endNeard());
      case "erase-key":
        custody.erase();
        return await this.#done(effect.serial, Promise.resolve());
      case "start-neard":
        return await this.#done(effect.serial, neard.start());
      case "answer-for":
        return await this.#answerFor(effect.host);
      case "power":
        return await this.#power.carryOut(effect);
      case "abandon-power":
        return this.#power.abandon(effect.job);
      case "probe-soon":
        return this.#probeNow();
      case "ask-account":
        return await this.#askAccount();
      case "find-window":
        return await this.#findWindow(effect.serial);
      case "publish":
        return await this.#publish(effect.text);
      case "ask-switchover":
        await servers.use((consul) => consul.put(keys.switchover, textOf(switchoverNoteShape, effect.note)));
        return;
      case "clear-switchover":
        return await servers.use((consul) => consul.delete(keys.switchover));
      case "write-history":
        return this.#writeHistory(effect);
    }
  }

  async #endNeard(): Promise<void> {
    await endNeard(this.#p.custody.erase, () => this.#p.neard.kill());
  }

  async #done(serial: number, work: Promise<void>): Promise<void> {
    await work;
    this.#dispatch({ is: "done", serial });
  }

  async #publish(text: string): Promise<void> {
    const { servers, keys, roll, config } = this.#p;
    try {
      await servers.use((consul) => consul.put(keys.host(config.host), roll.written(text)));
    } catch (error) {
      this.#dispatch({ is: "unpublished" });
      throw error;
    }
  }

  /** The core asks again, and tells. */
  async #noteDoubt(isDoubted: boolean): Promise<void> {
    let fault: string | null = null;
    try {
      this.#p.doubtFile.save(isDoubted);
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    // Not in the middle of the event that asked for it.
    await Promise.resolve();
    this.#dispatch({ is: "doubt-noted", isDoubted, fault });
  }

  /** Asked as often as every second: that there is no answer is said once. */
  async #askAccount(): Promise<void> {
    const { neard, config, log } = this.#p;
    try {
      const sight = await neard.accountSight(config.account);
      this.#isAccountKnown = true;
      this.#dispatch({ is: "account-seen", sight });
    } catch (error) {
      const wasKnown = this.#isAccountKnown;
      this.#isAccountKnown = false;
      if (wasKnown) log.warn({ effect: "ask-account" }, error instanceof Error ? error.message : String(error));
    }
  }

  async #answerFor(host: string): Promise<void> {
    const { addresses, log } = this.#p;
    const done = await answerFor(
      host,
      addresses.ways,
      addresses.world,
      async (name) => await this.#connectionsOf(name),
    );
    if (done !== null) log.info({ effect: "answer-for" }, done);
  }

  async #connectionsOf(host: string): Promise<readonly Connection[]> {
    const { servers, keys } = this.#p;
    const key = keys.connections(host);
    const { entries } = await servers.use((consul) => consul.readPrefix(key, { timeoutMs: 2000 }));
    const found = entries.find((entry) => entry.key === key);
    if (found === undefined) return [];
    const note = understood(readShape(connectionsNoteShape, found.value));
    if (note === null) throw new Error(`what ${host} wrote down of its connections cannot be read`);
    return note.connections;
  }

  async #createSession(serial: number): Promise<void> {
    const { config, servers } = this.#p;
    const session = await servers.use((consul) =>
      consul.createSession({
        node: config.host,
        name: `holdfast lease of ${config.host}`,
        ttlMs: config.lease.sessionTtlMs,
        lockDelayMs: config.lease.lockDelayMs,
      }),
    );
    this.#dispatch({ is: "session-created", serial, session });
  }

  /** One transaction on the very index that was seen: it fails if anything moved since. */
  async #takeOver(effect: Extract<Effect, { do: "take-over" }>): Promise<void> {
    const { servers, keys, clock, config } = this.#p;
    const { lock, session } = effect;
    const key = keys.lock;
    const { leaseMs, stopMs } = config.lease;
    // Every new holder's LockIndex is the next one; that nothing came in between the check of the index says.
    const epoch = lock.lockIndex + 1;
    const value = this.#record({ session, epoch, seq: 0, heardMs: leaseMs + stopMs });
    const check: TxnOperation = { verb: "check-index", key, index: lock.modifyIndex };
    const unlock: TxnOperation[] = lock.session === null ? [] : [{ verb: "unlock", key, session: lock.session, value }];
    const pause: TxnOperation[] = effect.unlessPaused ? [{ verb: "check-not-exists", key: keys.pause }] : [];
    const sentMs = clock.bootMs();
    const outcome = await servers.use((consul) =>
      consul.transact([check, ...pause, ...unlock, { verb: "lock", key, session, value }]),
    );
    if (!outcome.committed)
      throw new ConsulRefused(
        409,
        `another was faster, the lock is in its lock-delay, or somebody paused: ${outcome.because}`,
      );
    const lockIndex = outcome.entries.at(-1)?.lockIndex;
    if (lockIndex !== epoch)
      throw new Error(`Consul committed the take-over with LockIndex ${lockIndex}, not ${epoch}`);
    this.#dispatch({ is: "took-over", serial: effect.serial, sentMs, lockIndex });
  }

  /**
   * A write that proves that the session still has the lock. The check in front keeps a renewal that
   * was delayed on its way from locking again what has been released meanwhile.
   */
  async #renew(effect: Extract<Effect, { do: "renew" }>): Promise<void> {
    const { servers, keys, clock } = this.#p;
    const { session, epoch, seq, heardMs } = effect;
    const sentMs = clock.bootMs();
    const value = this.#record({ session, epoch, seq, heardMs });
    const operations: TxnOperation[] = [
      { verb: "check-session", key: keys.lock, session },
      { verb: "lock", key: keys.lock, session, value },
    ];
    const outcome = await servers.use((consul) => consul.transact(operations, renewTimeoutMs));
    if (!outcome.committed) {
      // Consul looks for a lock-delay before it looks whose session asks, and a server that was restarted has
      // one anew for every ended session in its Raft log. So this says nothing about our lock: not renewed,
      // and not lost either; the deadline stands.
      if (refusedByLockDelay(outcome.because)) throw new Error(outcome.because);
      this.#dispatch({ is: "renew-refused", session, because: outcome.because });
      return;
    }
    const lockIndex = outcome.entries.at(-1)?.lockIndex;
    if (lockIndex !== undefined) this.#dispatch({ is: "renewed", session, sentMs, lockIndex });
  }

  /**
   * Whoever reads the marker starts at once. So no lease may be found here any more by an agent that starts: it
   * would go on with it and open the fence again, for what a killed neard left in its sockets.
   */
  async #release(effect: Extract<Effect, { do: "release" }>): Promise<void> {
    const { servers, keys, leaseFile } = this.#p;
    const { session, marker, seq } = effect;
    leaseFile.forget();
    const value = this.#record({ session, epoch: marker.epoch, seq, released: marker });
    const operations: TxnOperation[] = [
      { verb: "check-session", key: keys.lock, session },
      { verb: "unlock", key: keys.lock, session, value },
    ];
    const outcome = await servers.use((consul) => consul.transact(operations));
    if (!outcome.committed) throw new ConsulRefused(409, outcome.because);
    this.#dispatch({ is: "done", serial: effect.serial });
    await servers.use((consul) => consul.destroySession(session));
  }

  async #findWindow(serial: number): Promise<void> {
    const { neard, config, clock } = this.#p;
    const inMs = await neard.nextWindowMs(config.account, windowMs, slotMs);
    this.#dispatch({ is: "window-found", serial, opensMs: clock.bootMs() + inMs });
  }

  #writeHistory(effect: Extract<Effect, { do: "write-history" }>): void {
    const { history, config, clock } = this.#p;
    const { epoch, story, tookMs, keyAtMs, heard } = effect;
    const entry: HistoryEntry = {
      epoch,
      host: config.host,
      from: story.from,
      kind: story.kind,
      because: story.because,
      // The same however often it is written.
      at: new Date(clock.wallMs() - (clock.bootMs() - keyAtMs)).toISOString(),
      tookMs,
      keyMs: Math.round(keyAtMs - story.lastSeenMs),
      firstMs: heard?.firstMs ?? null,
      firstBlockMs: heard?.firstBlockMs ?? null,
      fenced: story.fenced,
    };
    history.add(entry);
  }

  #record(record: Omit<LockRecord, "host">): string {
    const { config, custody } = this.#p;
    return lockValueText({ host: config.host, ...record }, custody.sealer);
  }
}
