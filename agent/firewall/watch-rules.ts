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
/** After a failure, twice as long after each further one: a host whose nft fails has enough to do. */
const retryMs = 1000;
const longestRetryMs = 5000;

export interface RuleWatch {
  readonly signal: AbortSignal;
  readonly clock: Clock;
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

/**
 * Until `signal` aborts, or half a second longer: nobody need wait for its end. No `repeat` here, for what is done twice
 * a second costs as much by its timers as by what it does (0.05 % of a core, measured beside a holder's feeds).
 */
export async function watchRules(watch: RuleWatch): Promise<void> {
  const { signal, clock, news, onFailure, onDeaf } = watch;
  const everyMs = news === null ? unheardEveryMs : unaskedEveryMs;
  let dueMs = clock.bootMs() + firstLookMs;
  let failures = 0;
  let deafUntilMs: number | null = null;
  for (; !signal.aborted; await clock.sleep(lookEveryMs)) {
    const nowMs = clock.bootMs();
    const isAsked = news !== null && (deafUntilMs === null || nowMs >= deafUntilMs);
    const said = isAsked ? news(ourTables) : nothingSaid;
    if (said.broken !== null) {
      if (deafUntilMs === null) onDeaf(said.broken);
      deafUntilMs = nowMs + unheardEveryMs;
    } else if (isAsked && deafUntilMs !== null) {
      onDeaf(null);
      deafUntilMs = null;
    }
    const isDue = said.all || nowMs >= dueMs;
    if (isDue) dueMs = nowMs + everyMs;
    const isFenceSaid = said.deleted.has(fenceTable);
    try {
      if (isDue || isFenceSaid) await watch.lookAtFence(isFenceSaid);
      if (isDue || said.changed.has(firewallTable)) await watch.lookAtFirewall();
      if (isDue) failures = 0;
    } catch (error) {
      dueMs = nowMs + Math.min(retryMs * 2 ** failures++, longestRetryMs);
      onFailure(error as Error);
    }
  }
}

const ourTables = [firewallTable, fenceTable];
const nothingSaid: RuleNews = { changed: new Set(), deleted: new Set(), all: false, broken: null };
