/**
 * What our validator needs from the others to be heard, and whether it got it. Pure.
 *
 * At every height each of the other validators sends something to our account: its approval where the
 * height is ours, else the state witness of its chunk or parts of chunks. Where that arrives is the
 * network's business (routes.ts); the neard that has the key tells what came to it, with a token that it
 * can have from nowhere else. So what goes into a connection whose other end is dead does not count.
 */
import { randomUUID } from "node:crypto";
import type { Genesis } from "./genesis.ts";
import { isRelayed, producerAt } from "./schedule.ts";
import type { ReceivedMessage } from "./wire.ts";

/** What one validator sends to our account at the open height. */
export interface Duty {
  readonly from: string;
  readonly token: string;
}

export class Approvals {
  readonly height: number;
  readonly duties: readonly Duty[];
  readonly #genesis: Genesis;
  /** By node key: who was heard there. */
  readonly #received = new Map<string, Set<string>>();

  constructor(genesis: Genesis, height: number, newToken: () => string = randomUUID) {
    this.#genesis = genesis;
    this.height = height;
    this.duties = genesis.validators
      .filter((one) => one.account_id !== genesis.account)
      .map((one) => ({ from: one.account_id, token: newToken() }));
  }

  /** The neard of `nodeKey` says that `message.from` reached it. Counts once, in time, with the right token. */
  received(message: ReceivedMessage, nodeKey: string): void {
    const duty = this.duties.find((one) => one.from === message.from);
    if (message.height !== this.height || duty?.token !== message.token) return;
    const from = this.#received.get(nodeKey) ?? new Set();
    this.#received.set(nodeKey, from.add(message.from));
  }

  /** Whether the neard of `nodeKey` may produce the block: more than two thirds of the stake, its own included. */
  approve(nodeKey: string): boolean {
    const heard = this.#received.get(nodeKey) ?? new Set();
    const { account, validators } = this.#genesis;
    const sum = (of: typeof validators) => of.reduce((total, one) => total + one.stake, 0);
    const approving = validators.filter((one) => one.account_id === account || heard.has(one.account_id));
    return 3 * sum(approving) > 2 * sum(validators);
  }

  /** Whether the neard of `nodeKey` could endorse the height: its chunk's witness came, from its producer or others. */
  witnessed(nodeKey: string): boolean {
    const producer = producerAt(this.#genesis, this.height);
    return isRelayed(this.#genesis, this.height) || (this.#received.get(nodeKey)?.has(producer) ?? false);
  }
}
