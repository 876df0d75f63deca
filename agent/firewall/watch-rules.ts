/**
 * Has an eye on our tables: asks a few times a second what the kernel says of changes, and who keeps a table looks at
 * it when there was one. Without that socket, and now and then in any case, it is looked at unasked.
 */
import { fenceTable, firewallTable } from "../../contract/paths.ts";
import type { Clock } from "../../host/system/clock.ts";
import type { RuleNews } from "./rule-news.ts";

/** With the programs that a restored table takes (50 ms), well within a second. */
export const lookEveryMs = 500;
/** Nothing should ever be missed, news that were lost are told as such, and nft started twice takes 20 ms. */
const unaskedEveryMs = 300_000;
/** Where the kernel's news cannot be had: 15 ms each. */
const unheardEveryMs = 5000;
/** An agent that starts has something better to do first. */
const firstLookMs = 2000;
/** After a failure, twice as long after each further one: a host whose nft fails has enough to do. */
const retryMs = 1000;
const longestRetryMs = 5000;

export interface RuleWatch {
  readonly clock: Pick<Clock, "bootMs">;
  /** The news since the last call about these tables; null: there is no such socket. */
  readonly news: ((tables: readonly string[]) => RuleNews) | null;
  /** Puts the host's firewall back if it is not as it was. */
  lookAtFirewall(): Promise<void>;
  /** Puts the fence back if it is gone. `isSaid`: the kernel says that somebody took the table away. */
  lookAtFence(isSaid: boolean): Promise<void>;
  /** Called with each failure; it is looked again after a second, later after several seconds. */
  onFailure(error: Error): void;
  /** The socket is of no use (its error's code): it is asked again as rarely as it is looked without one. Null: it is again. */
  onDeaf(code: string | null): void;
}

/** To be asked every `lookEveryMs`; who calls does so at a moment at which it is awake anyway. */
export class RulesWatcher {
  readonly #watch: RuleWatch;
  #dueMs: number;
  #failures = 0;
  #deafUntilMs: number | null = null;
  #isLooking = false;

  constructor(watch: RuleWatch) {
    this.#watch = watch;
    this.#dueMs = watch.clock.bootMs() + firstLookMs;
  }

  /** Never throws. What is said while a look is under way is heard at the next call after it. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#look();
    } finally {
      this.#isLooking = false;
    }
  }

  async #look(): Promise<void> {
    const { clock, news, lookAtFence, lookAtFirewall, onFailure } = this.#watch;
    const nowMs = clock.bootMs();
    const said = this.#hear(nowMs);
    const isDue = said.all || nowMs >= this.#dueMs;
    if (isDue) this.#dueMs = nowMs + (news === null ? unheardEveryMs : unaskedEveryMs);
    const isFenceSaid = said.deleted.has(fenceTable);
    try {
      if (isDue || isFenceSaid) await lookAtFence(isFenceSaid);
      if (isDue || said.changed.has(firewallTable)) await lookAtFirewall();
      if (isDue) this.#failures = 0;
    } catch (error) {
      this.#dueMs = nowMs + Math.min(retryMs * 2 ** this.#failures++, longestRetryMs);
      onFailure(error as Error);
    }
  }

  #hear(nowMs: number): RuleNews {
    const { news, onDeaf } = this.#watch;
    if (news === null || (this.#deafUntilMs !== null && nowMs < this.#deafUntilMs)) return nothingSaid;
    const said = news(ourTables);
    if (said.broken !== null) {
      if (this.#deafUntilMs === null) onDeaf(said.broken);
      this.#deafUntilMs = nowMs + unheardEveryMs;
    } else if (this.#deafUntilMs !== null) {
      onDeaf(null);
      this.#deafUntilMs = null;
    }
    return said;
  }
}

const ourTables = [firewallTable, fenceTable];
const nothingSaid: RuleNews = { changed: new Set(), deleted: new Set(), all: false, broken: null };
