/**
 * Puts the host's own firewall back when somebody has changed or flushed it: within a second, on every host, an
 * arbiter too. The rules are those of the file that `apply` wrote; loading it replaces the table in one step.
 *
 * Think of a doorkeeper who knows the door by how it looked when he shut it last: after each load the kernel's own
 * listing is remembered, and whatever differs from it later is not ours. So no text is compared with a text of another
 * author's, and nobody's changes to other tables concern us.
 * Awkward case: somebody who flushes again and again. Each time the rules come back; it is said once a minute.
 */

/** The kernel's rules and our file of them. */
export interface Rules {
  /** The table as nft lists it; null: there is none. */
  listing(): Promise<string | null>;
  /** Loads the file, in one transaction. @throws Error with nft's words */
  load(): Promise<void>;
}

/** Between two lines about the same thing. */
const sayEveryMs = 60_000;

export class FirewallKeeper {
  readonly #rules: Rules;
  readonly #nowMs: () => number;
  readonly #say: (what: string) => void;
  #loaded: string | null = null;
  #restored = 0;
  #saidMs = Number.NEGATIVE_INFINITY;
  #said = 0;

  constructor(options: { rules: Rules; nowMs: () => number; say: (what: string) => void }) {
    this.#rules = options.rules;
    this.#nowMs = options.nowMs;
    this.#say = options.say;
  }

  /** Looks, and loads the rules if they are not as they were. True: they had to be put back. Throws what the rules do. */
  async look(): Promise<boolean> {
    const seen = await this.#rules.listing();
    if (seen !== null && seen === this.#loaded) return false;
    // An agent that has just started does not know how they look: it loads them once, which changes nothing.
    const isFirst = this.#loaded === null && seen !== null;
    await this.#rules.load();
    this.#loaded = await this.#rules.listing();
    if (isFirst) return false;
    this.#restored += 1;
    this.#tell(seen === null ? "was gone" : "had other rules");
    return true;
  }

  #tell(what: string): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#saidMs < sayEveryMs) return;
    const times = this.#restored - this.#said;
    this.#saidMs = nowMs;
    this.#said = this.#restored;
    this.#say(
      `the host's firewall ${what}, and was put back${times > 1 ? ` (${times} times since it was last said)` : ""}`,
    );
  }
}
