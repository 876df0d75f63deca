/**
 * neard on this host: ask it, reload it, kill it, start it. It is its own unit, never our child.
 *
 * Awkward case: a neard that is far behind wipes its data and re-executes itself, under the same pid and start time
 * (facts: hot swap). It is another process all the same, without memory of a key, and deaf to RPC for a second; so what
 * an earlier answer said of it proves nothing. It is known by its age, and gets a name of its own.
 */

import type { Clock } from "../../host/system/clock.ts";
import { run } from "../../host/system/run.ts";
import type { AccountSight, Probe } from "../role/types.ts";
import { isKeyChanging, sightFrom } from "./account-sight.ts";
import { type Age, ageFrom, isYounger } from "./age.ts";
import { killAll, killWithinMs, pidOf, signal, unitProcess, WatchedProcess } from "./processes.ts";
import { NeardRpc, type NeardStatus } from "./rpc.ts";

/** How long neard may take to say how it is. */
export const statusTimeoutMs = 1000;
/** The answer has every validator of the network in it. */
const validatorsTimeoutMs = 5000;
/** `near_config_correct` changes only with a reload, and is asked anew after each of ours; this often otherwise. */
const configEveryMs = 15_000;
/** neard's metrics are a hundred kilobytes and more. */
const configTimeoutMs = 3000;
/** A probe waits no longer than this for what they say. */
const configWaitMs = 200;

export class NeardDriver {
  readonly #unit: string;
  readonly #uid: number;
  readonly #rpc: NeardRpc;
  /** For the long answers: one that is slow must not keep the question waiting by which neard counts as hung. */
  readonly #slowRpc: NeardRpc;
  #asking: Promise<AccountSight> | null = null;
  readonly #clock: Clock;
  #askingConfig = false;
  #reloads = 0;
  #config: { correct: boolean | null; atMs: number } = { correct: null, atMs: Number.NEGATIVE_INFINITY };
  #seen: WatchedProcess | null = null;
  /** How old it said it is, and how often it has re-executed itself since we know it. */
  #age: Age | null = null;
  #reexecuted = 0;
  #restarts = 0;
  #epochLength: number | null = null;

  constructor(options: { unit: string; uid: number; rpcUrl: string; clock: Clock }) {
    this.#unit = options.unit;
    this.#uid = options.uid;
    this.#rpc = new NeardRpc(options.rpcUrl);
    this.#slowRpc = new NeardRpc(options.rpcUrl);
    this.#clock = options.clock;
  }

  /** How often another neard process was found than the one before, since the agent started. */
  get restarts(): number {
    return this.#restarts;
  }

  /** The unit's process now; cheap, for it is asked at every tick: one that lives is not looked for. */
  process(): string | null {
    if (this.#seen?.isAlive === true) return this.#named(this.#seen.name);
    const found = unitProcess(this.#unit);
    if (found !== null && found !== this.#seen?.name) this.#watch(found);
    return found === null ? null : this.#named(found);
  }

  /** What the process before said of itself is no word of this one. */
  #forget(): void {
    this.#age = null;
    this.#config = { correct: null, atMs: Number.NEGATIVE_INFINITY };
  }

  #named(process: string): string {
    return this.#reexecuted === 0 ? process : `${process}:${this.#reexecuted}`;
  }

  #watch(process: string): void {
    try {
      const watched = new WatchedProcess(process);
      if (this.#seen !== null) this.#restarts += 1;
      this.#seen?.close();
      this.#seen = watched;
      this.#reexecuted = 0;
      this.#forget();
    } catch {
      // It is gone again; the next look finds what is there then.
    }
  }

  /** Asks neard how it is. Never throws: not answering is an answer. */
  async probe(): Promise<Probe> {
    const atMs = this.#clock.bootMs();
    const process = this.process();
    const silent: Probe = {
      atMs,
      process,
      answered: false,
      chainId: null,
      syncing: true,
      headAgeMs: Number.POSITIVE_INFINITY,
      height: null,
      validatorKey: null,
      configCorrect: this.#config.correct,
      version: null,
      protocolVersion: null,
      latestProtocolVersion: null,
    };
    if (process === null) return silent;
    try {
      const status = await this.#status(process);
      if (atMs - this.#config.atMs >= configEveryMs)
        await Promise.race([this.#askConfig(process, atMs), this.#clock.sleep(configWaitMs)]);
      // The answer counts only if it is this very process that gave it.
      if (this.process() !== process) return silent;
      return {
        ...silent,
        answered: true,
        chainId: status.chain_id,
        syncing: status.sync_info.syncing,
        headAgeMs: Math.max(0, this.#clock.wallMs() - Date.parse(status.sync_info.latest_block_time)),
        height: status.sync_info.latest_block_height,
        validatorKey: status.validator_public_key,
        configCorrect: this.#config.correct,
        version: status.version.version,
        protocolVersion: status.protocol_version,
        latestProtocolVersion: status.latest_protocol_version,
      };
    } catch {
      // By now it may be another: one that came in its place, or that it made of itself.
      return { ...silent, process: this.process(), configCorrect: this.#config.correct };
    }
  }

  /** Its answer now. @throws Error when there is none, or another process gave it. */
  async #status(process: string): Promise<NeardStatus> {
    const status = await this.#rpc.status(statusTimeoutMs);
    const age = ageFrom(status.uptime_sec, this.#clock.wallMs());
    if (this.process() !== process) throw new Error("another neard has answered");
    const isAnother = this.#age !== null && age !== null && isYounger(age, this.#age);
    if (isAnother) {
      this.#reexecuted += 1;
      this.#restarts += 1;
      this.#forget();
    }
    this.#age = age;
    if (isAnother) throw new Error("neard has re-executed itself");
    return status;
  }

  /**
   * Beside the question by which neard counts as alive: its metrics may be slow, too long or broken, and it validates
   * all the same. Not known is no fault.
   */
  async #askConfig(process: string, atMs: number): Promise<void> {
    if (this.#askingConfig) return;
    this.#askingConfig = true;
    try {
      const reloads = this.#reloads;
      const correct = await this.#slowRpc.configCorrect(configTimeoutMs).catch(() => null);
      // Of this process, and since its last reload.
      if (this.process() === process && reloads === this.#reloads) this.#config = { correct, atMs };
    } finally {
      this.#askingConfig = false;
    }
  }

  /**
   * What `account` has done in the present NEAR epoch, and its keys, by the chain that this neard follows. Whoever asks
   * while an answer is on its way gets that one.
   */
  async accountSight(account: string): Promise<AccountSight> {
    this.#asking ??= this.#askAccount(account).finally(() => {
      this.#asking = null;
    });
    return await this.#asking;
  }

  async #askAccount(account: string): Promise<AccountSight> {
    const atMs = this.#clock.bootMs();
    const answer = await this.#slowRpc.validators(validatorsTimeoutMs);
    const sight = sightFrom(answer, account, atMs);
    if (!isKeyChanging(sight)) return sight;
    // An epoch ends once its last heights are final, so with skipped blocks later than this, never earlier (nearcore).
    try {
      return { ...sight, nextStartHeight: answer.epoch_start_height + (await this.#askEpochLength()) };
    } catch {
      // Which keys count is worth knowing without when they change: with it the holder changes over in time.
      return sight;
    }
  }

  /** Fixed for a chain, as good as: asked again when the agent is restarted. */
  async #askEpochLength(): Promise<number> {
    this.#epochLength ??= await this.#slowRpc.epochLength(validatorsTimeoutMs);
    return this.#epochLength;
  }

  /**
   * SIGHUP, so that neard reads its key file anew. Only to a process that has answered just now: while its RPC is not
   * up a SIGHUP ends it, and that it was up before proves nothing, for it may have re-executed itself since.
   * @throws Error when it does not answer; nothing was sent then
   */
  async reload(): Promise<void> {
    const process = this.process();
    if (process === null) throw new Error("neard is not running");
    try {
      await this.#status(process);
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      throw new Error(`neard was sent no SIGHUP, for it might end it: ${because}`, { cause: error });
    }
    signal(pidOf(process), "SIGHUP");
    this.#reloads += 1;
    this.#config = { correct: null, atMs: Number.NEGATIVE_INFINITY };
  }

  /** Kills everything that is neard. Returns when none of it is left. */
  async kill(): Promise<void> {
    await killAll(this.#unit, this.#uid, killWithinMs);
  }

  /** Has systemd start the unit if it did not by itself; it starts without a key (ExecStartPre=). */
  async start(): Promise<void> {
    await run("systemctl", ["reset-failed", this.#unit]).catch(() => {});
    await run("systemctl", ["start", "--no-block", this.#unit]);
  }

  /**
   * When the next stretch without block or chunk of ours begins that is at least `minMs` long,
   * in milliseconds from now (0: now).
   */
  async nextWindowMs(account: string, minMs: number, slotMs: number): Promise<number> {
    const status = await this.#rpc.status(statusTimeoutMs);
    const height = status.sync_info.latest_block_height;
    // One slot more, for the head may be nearly over: where in its slot we are is not known.
    const needed = Math.ceil(minMs / slotMs) + 1;
    for (const window of await this.#rpc.maintenanceWindows(account, statusTimeoutMs)) {
      const start = Math.max(window.start, height + 1);
      if (window.end - start >= needed) return start === height + 1 ? 0 : (start - height) * slotMs;
    }
    throw new Error("no maintenance window is long enough in this NEAR epoch");
  }
}
