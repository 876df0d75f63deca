/**
 * The fence on this host. One operation at a time, in the order in which they were asked for: a feed
 * that was asked for before a shut can never come after it.
 */
import type { Clock } from "../../host/system/clock.ts";
import { type Nft, systemNft } from "./nft.ts";
import { armed, armedMark, disarmed, echoOfFed, fed, openIn, shut } from "./ruleset.ts";

/** Less than this is not worth a transaction of about 2 ms. */
const minFeedMs = 20;
/** A feed that took longer is made anew: what it was given to live counts from its end. */
const lateMs = 100;
/** LockIndex begins with 1, so no lease is of this one: nothing can open a fence that is armed for it. */
const nobodysEpoch = 0;

export class Fence {
  readonly #clock: Clock;
  readonly #uid: number;
  readonly #nft: Nft;
  #queue: Promise<unknown> = Promise.resolve();
  #armed = false;
  /** For which epoch this agent armed or fed it; null: it did not, or disarmed it since. */
  #epoch: number | null = null;
  #openUntilMs = Number.NEGATIVE_INFINITY;

  /** `uid`: the user that neard runs as. */
  constructor(clock: Clock, uid: number, nft: Nft = systemNft()) {
    this.#clock = clock;
    this.#uid = uid;
    this.#nft = nft;
  }

  /** As we set it last; the kernel may have shut it by itself since. */
  get state(): { armed: boolean; open: boolean } {
    return { armed: this.#armed, open: !this.#armed || this.#clock.bootMs() < this.#openUntilMs };
  }

  /** The mark for which the kernel has it armed; null: not armed. */
  async armedMark(): Promise<number | null> {
    const listing = await this.#nft.listing();
    const mark = listing === null ? null : armedMark(listing);
    this.#armed = mark !== null;
    return mark;
  }

  /** From here on neard's packets leave only while fed. Starts shut. */
  async arm(epoch: number): Promise<void> {
    await this.#enqueue(async () => {
      await this.#load(epoch);
    });
  }

  /** Armed for `epoch`, and shut, whatever was there before. */
  async #load(epoch: number): Promise<void> {
    this.#epoch = epoch;
    await this.#nft.load(armed(epoch, this.#uid));
    this.#armed = true;
    this.#openUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** Open until `untilMs` of the boot-time clock. What is left of that is computed at the last moment. */
  async feed(epoch: number, untilMs: number): Promise<void> {
    await this.#enqueue(async () => {
      this.#epoch = epoch;
      try {
        await this.#feedNow(epoch, untilMs);
      } catch {
        // Somebody flushed the rules, or this nft had its day: put the fence back, shut, and feed it anew.
        await this.#load(epoch);
        await this.#feedNow(epoch, untilMs);
      }
    });
  }

  async #feedNow(epoch: number, untilMs: number): Promise<void> {
    for (let wasLate = false; ; wasLate = true) {
      const nowMs = this.#clock.bootMs();
      const remainingMs = untilMs - nowMs;
      if (remainingMs < minFeedMs) {
        // Only the wall clock ends what came late.
        if (wasLate) await this.#nft.load(shut());
        return;
      }
      const rules = fed(epoch, remainingMs, this.#clock.wallMs() + remainingMs);
      await this.#nft.transact(rules, echoOfFed(epoch));
      this.#openUntilMs = untilMs;
      if (this.#clock.bootMs() - nowMs <= lateMs) return;
    }
  }

  /**
   * Shuts now, and ends the epoch's connections; returns once the kernel has shown that nothing of neard's leaves. A fence
   * that is not there (somebody flushed all rules, or nobody armed it) is put back first, shut.
   * @param epoch for which it is armed if it must be put back; null: not known, and any will do
   * @throws Error when it cannot be shown: then only a dead neard is sure to be silent
   */
  async shut(epoch: number | null): Promise<void> {
    await this.#enqueue(async () => {
      if ((await this.armedMark()) !== null) {
        await this.#nft.load(shut());
        this.#openUntilMs = Number.NEGATIVE_INFINITY;
        if ((await this.#whatIsOpen()) === null) return;
      }
      await this.#load(epoch ?? this.#epoch ?? nobodysEpoch);
      const open = await this.#whatIsOpen();
      if (open !== null) throw new Error(`the fence does not hold neard back: ${open}`);
    });
  }

  /** By the kernel's own word; null: nothing is. */
  async #whatIsOpen(): Promise<string | null> {
    const listing = await this.#nft.listing();
    return listing === null ? "its rules are not there" : openIn(listing, this.#uid);
  }

  /** neard talks freely again. Only after proof that no process that had the key is left. */
  async disarm(): Promise<void> {
    await this.#enqueue(async () => {
      await this.#nft.load(disarmed());
      this.#armed = false;
      this.#epoch = null;
    });
  }

  async #enqueue(operation: () => Promise<void>): Promise<void> {
    const mine = this.#queue.then(operation);
    this.#queue = mine.catch(() => {});
    await mine;
  }
}
