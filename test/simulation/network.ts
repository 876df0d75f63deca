/**
 * The ways between hosts: delay, loss, cuts of one direction or both, copies. Everything goes over TCP,
 * so what is lost is sent again and comes late, perhaps long after its sender gave up, or, when the
 * connection ends before, never.
 */
import type { Random } from "./random.ts";

/** TCP's first retransmission time-out on Linux (TCP_RTO_MIN); it doubles with each. */
const firstRetryMs = 200;
const maxRetries = 8;

export class Network {
  readonly #random: Random;
  readonly #cut: boolean[];
  readonly #hosts: number;
  /** Probability of losing a packet. */
  lossRate = 0;
  /** Every packet takes up to so much longer. */
  slowMs = 0;
  /** Probability that a request is delivered a second time, up to a minute later. */
  copyRate = 0;

  constructor(hosts: number, random: Random) {
    this.#random = random;
    this.#hosts = hosts;
    this.#cut = new Array<boolean>(hosts * hosts).fill(false);
  }

  cut(from: number, to: number): void {
    if (from !== to) this.#cut[from * this.#hosts + to] = true;
  }

  mend(from: number, to: number): void {
    this.#cut[from * this.#hosts + to] = false;
  }

  /** As on a good day. */
  mendAll(): void {
    this.#cut.fill(false);
    this.lossRate = 0;
    this.slowMs = 0;
    this.copyRate = 0;
  }

  passes(from: number, to: number): boolean {
    return this.#cut[from * this.#hosts + to] !== true;
  }

  /** How long a message takes; null: it never arrives. */
  delayMs(from: number, to: number): number | null {
    const random = this.#random;
    if (from === to) return 0.1 + 0.4 * random.next();
    let delayMs = 0.3 + 3 * random.next();
    if (this.#cut[from * this.#hosts + to] === true) {
      if (random.chance(0.5)) return null;
      delayMs += random.between(3000, 60_000);
    }
    if (this.slowMs > 0) delayMs += this.slowMs * random.next();
    if (this.lossRate > 0)
      for (let retry = 0, retryMs = firstRetryMs; random.chance(this.lossRate); retry += 1, retryMs *= 2) {
        if (retry === maxRetries) return null;
        delayMs += retryMs;
      }
    return delayMs;
  }

  /** When a second copy of a request comes, counted from its sending; null: there is none. */
  copyMs(): number | null {
    if (this.copyRate === 0 || !this.#random.chance(this.copyRate)) return null;
    return this.#random.chance(0.5) ? this.#random.between(1, 3000) : this.#random.between(3000, 60_000);
  }
}
