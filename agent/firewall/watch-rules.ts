/**
 * Has an eye on our tables: asks a few times a second what the kernel says of changes, and who keeps a table looks at
 * it when there was one. Without that socket, and now and then in any case, it is looked at unasked.
 */
import { firewallTable } from "../../contract/paths.ts";
import { tableName as fenceTable } from "../fence/ruleset.ts";
import type { Clock } from "../system/clock.ts";
import type { RuleNews } from "./rule-news.ts";

/** With the programs that a restored table takes (50 ms), well within a second. */
const lookEveryMs = 500;
/** Nothing should ever be missed; starting nft this often costs nothing worth counting. */
const unaskedEveryMs = 60_000;
/** Where the kernel's news cannot be had: 15 ms each. */
const unheardEveryMs = 5000;
/** An agent that starts has something better to do first. */
const firstLookMs = 2000;
/** After a failure. */
const retryMs = 1000;

export interface RuleWatch {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** The news since the last call about these tables; null: there is no such socket. */
  readonly news: ((tables: readonly string[]) => RuleNews) | null;
  /** Puts the host's firewall back if it is not as it was. */
  lookAtFirewall(): Promise<void>;
  /** Puts the fence back if it is gone. `isSaid`: the kernel says that somebody took the table away. */
  lookAtFence(isSaid: boolean): Promise<void>;
  /** Called with each failure; it is looked again after a second. */
  onFailure(error: Error): void;
}

/**
 * Until `signal` aborts, or half a second longer: nobody need wait for its end. No `repeat` here, for what is done twice
 * a second costs as much by its timers as by what it does (0.05 % of a core, measured beside a holder's feeds).
 */
export async function watchRules(watch: RuleWatch): Promise<void> {
  const { signal, clock, news, onFailure } = watch;
  const everyMs = news === null ? unheardEveryMs : unaskedEveryMs;
  let dueMs = clock.bootMs() + firstLookMs;
  for (; !signal.aborted; await clock.sleep(lookEveryMs)) {
    const said = news?.([firewallTable, fenceTable]) ?? nothingSaid;
    const nowMs = clock.bootMs();
    const isDue = said.all || nowMs >= dueMs;
    if (isDue) dueMs = nowMs + everyMs;
    const isFenceSaid = said.deleted.has(fenceTable);
    try {
      if (isDue || isFenceSaid) await watch.lookAtFence(isFenceSaid);
      if (isDue || said.changed.has(firewallTable)) await watch.lookAtFirewall();
    } catch (error) {
      dueMs = nowMs + retryMs;
      onFailure(error as Error);
    }
  }
}

const nothingSaid: RuleNews = { changed: new Set(), deleted: new Set(), all: false };
