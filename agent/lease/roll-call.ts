/**
 * The roll call at the edge: questions that nobody can have answered before, and answers that only a neard host of this
 * cluster can give. See agent/role/fencing.ts for what they are for.
 *
 * The core counts its questions; here each gets 16 random bytes, which the note in Consul carries. An answer is sealed as
 * a record of the lock is (seal.ts), for the host that gives it and the bytes that it answers. So an answer that somebody
 * puts back answers nothing, and one that he makes up has no seal.
 */
import { randomBytes } from "node:crypto";
import type { RollCallAnswer } from "../../contract/wire/notes.ts";
import type { Sealer } from "./seal.ts";

const sealedText = (host: string, question: string): string => JSON.stringify([host, question]);

export class RollCall {
  readonly #host: string;
  readonly #sealer: Sealer;
  readonly #random: () => string;
  /** The present question. */
  #asked: { readonly number: number; readonly question: string } | null = null;

  /** @param random a text that was never there before; default: 16 random bytes */
  constructor(host: string, sealer: Sealer, random = () => randomBytes(16).toString("base64url")) {
    this.#host = host;
    this.#sealer = sealer;
    this.#random = random;
  }

  /** The core's note as it is written to Consul. */
  written(text: string): string {
    const { asks, clear, ...note } = JSON.parse(text) as { asks?: number | null; clear?: readonly string[] };
    const question = asks == null ? null : this.#questionOf(asks);
    const answers = (clear ?? []).map((to) => ({ to, seal: this.#sealer.sealText(sealedText(this.#host, to)) }));
    return JSON.stringify({
      ...note,
      ...(question === null ? {} : { asks: question }),
      ...(answers.length === 0 ? {} : { answers }),
    });
  }

  #questionOf(number: number): string {
    if (this.#asked?.number !== number) this.#asked = { number, question: this.#random() };
    return this.#asked.question;
  }

  /** The number of our present question, if `host` has answered it; null: it has not. */
  answered(host: string, answers: readonly RollCallAnswer[]): number | null {
    const asked = this.#asked;
    if (asked === null) return null;
    const answer = answers.find(({ to }) => to === asked.question);
    if (answer === undefined || !this.#sealer.isRightText(sealedText(host, asked.question), answer.seal)) return null;
    return asked.number;
  }
}
