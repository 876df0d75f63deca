/**
 * The jobs at power devices that the decision core asks for: carried out one beside the other, and broken off when they are
 * not wanted any more. One line in the log when a power-off begins, one for each thing that goes wrong, and one when it
 * ends: what an investigation of a power-off begins with.
 */
import type { Logger } from "pino";
import type { Effect, Event } from "../role/types.ts";
import { carryOut, type PowerPartners } from "./carry-out.ts";

export class PowerJobs {
  readonly #p: PowerPartners;
  readonly #log: Pick<Logger, "info" | "warn" | "error">;
  readonly #dispatch: (event: Event) => void;
  /** Those that are under way, by number. */
  readonly #running = new Map<number, AbortController>();

  constructor(partners: PowerPartners, log: Pick<Logger, "info" | "warn" | "error">, dispatch: (event: Event) => void) {
    this.#p = partners;
    this.#log = log;
    this.#dispatch = dispatch;
  }

  /** To its end. Never throws. */
  async carryOut(effect: Extract<Effect, { do: "power" }>): Promise<void> {
    const { number, host, what } = effect.job;
    const isOrder = what === "off";
    const log = this.#log;
    const ended = new AbortController();
    this.#running.set(number, ended);
    if (isOrder) log.warn({ effect: "power", host }, `cuts the power of ${host}`);
    const { proof, isBrokenOff } = await carryOut(effect, this.#p, ended.signal, (because) => {
      if (isOrder) log.warn({ effect: "power", host }, because);
      this.#dispatch({ is: "power-trouble", job: number, because });
    });
    this.#running.delete(number);
    const told = { effect: "power", host, device: proof.device, tookMs: proof.tookMs };
    if (proof.outcome === "off") log.warn(told, `${host} is off: ${proof.because}`);
    else if (isOrder && isBrokenOff) log.info(told, `the power of ${host} need not be cut any more: ${proof.because}`);
    else if (isOrder) log.error(told, `${host} could not be shown to be off: ${proof.because}`);
    this.#dispatch({ is: "power-seen", job: number, proof, isBrokenOff });
  }

  /** Nothing more is sent for this job. What was sent may still take place. */
  abandon(number: number): void {
    this.#running.get(number)?.abort();
  }
}
