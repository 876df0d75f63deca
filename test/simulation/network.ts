/**
 * The way between hosts and Consul: delay, loss in either direction, silence, elections. A request
 * that was lost on its way back has happened; one that was slow may happen after its sender gave up.
 */
import type { KvRead } from "../../agent/consul/client.ts";
import type { Random } from "./random.ts";
import type { SimulatedConsul } from "./simulated-consul.ts";
import type { Timeline } from "./timeline.ts";

interface Outcome<T> {
  ok(answer: T): void;
  failed(): void;
}

const timeoutMs = 2000;
const readTimeoutMs = 2500;
const blockMs = 1000;

export class Network {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #consul: SimulatedConsul;
  readonly #cut = new Map<string, { to: boolean; from: boolean }>();
  #electionUntilMs = 0;
  /** Probability of losing a message, and the extra delay of a slow network, in milliseconds. */
  lossRate = 0;
  slowMs = 0;

  constructor(timeline: Timeline, random: Random, consul: SimulatedConsul) {
    this.#timeline = timeline;
    this.#random = random;
    this.#consul = consul;
  }

  cut(host: string, directions: { to: boolean; from: boolean }): void {
    this.#cut.set(host, directions);
  }

  heal(host: string): void {
    this.#cut.delete(host);
  }

  /** No leader for so long; then a new one. */
  elect(forMs: number): void {
    this.#electionUntilMs = Math.max(this.#electionUntilMs, this.#timeline.nowMs + forMs);
    this.#timeline.after(forMs, () => this.#consul.changeLeader(this.#timeline.nowMs));
  }

  call<T>(host: string, request: (consul: SimulatedConsul) => T, outcome: Outcome<T>): void {
    const settle = this.#once(outcome, timeoutMs);
    this.#deliver(host, "to", () =>
      this.#whenLed(() => {
        const answer = request(this.#consul);
        this.#deliver(host, "from", () => settle.ok(answer));
      }),
    );
  }

  /** A consistent blocking read: answers at a change, or after about a second. */
  read(host: string, index: number | undefined, outcome: Outcome<KvRead>): void {
    const settle = this.#once(outcome, readTimeoutMs);
    this.#deliver(host, "to", () =>
      this.#whenLed(() => {
        const untilMs = this.#timeline.nowMs + blockMs * this.#random.between(1, 1.0625);
        const look = () => {
          if (index === undefined || this.#consul.index !== index || this.#timeline.nowMs >= untilMs) {
            const read = this.#consul.read();
            this.#deliver(host, "from", () => settle.ok(read));
          } else this.#timeline.after(10, look);
        };
        look();
      }),
    );
  }

  /** During an election requests wait for the new leader (rpc_hold_timeout), most beyond their bound. */
  #whenLed(act: () => void): void {
    const waitMs = this.#electionUntilMs - this.#timeline.nowMs;
    if (waitMs > 0) this.#timeline.after(waitMs + this.#random.between(0, 50), act);
    else act();
  }

  #deliver(host: string, direction: "to" | "from", act: () => void): void {
    const lost = this.#cut.get(host)?.[direction] === true || this.#random.chance(this.lossRate);
    const slow = this.slowMs > 0 ? this.#random.between(0, this.slowMs) : 0;
    // A lost segment is sent again by TCP: it may come much later, long after its sender gave up.
    const delayMs = lost ? this.#random.between(3000, 60_000) : this.#random.between(0.5, 5) + slow;
    if (lost && this.#random.chance(0.5)) return;
    this.#timeline.after(delayMs, act);
  }

  #once<T>(outcome: Outcome<T>, boundMs: number): Outcome<T> {
    let settled = false;
    const first = (act: () => void) => {
      if (settled) return;
      settled = true;
      act();
    };
    this.#timeline.after(boundMs, () => first(() => outcome.failed()));
    return { ok: (answer) => first(() => outcome.ok(answer)), failed: () => first(() => outcome.failed()) };
  }
}
