/**
 * How often neard is asked for the account: its counts, and its key on chain. The answer has every validator of the
 * network in it (some 300 kB on mainnet, and a few milliseconds of reading), so it is asked for as seldom as what
 * hangs on it allows.
 */
import { cleanMarker } from "../lease/lock-record.ts";
import { isFirstActivation } from "./guard.ts";
import { countingKey, keyFault, nextKeyFault } from "./keys.ts";
import type { Draft } from "./transitions.ts";
import type { Event, Settings, State } from "./types.ts";

/** A new holder's first block is to be dated to the second, and most of what goes wrong shows in the first minutes. */
const freshMs = 60_000;
const freshEveryMs = 1000;
/** Not heard, or not known yet: somebody is looking at it. */
const doubtfulEveryMs = 2000;
/** Heard: the loss is noticed within half a minute, for 0.1 % of a core. */
const steadyEveryMs = 10_000;
/** A standby needs the key on chain alone, which is known for a whole NEAR epoch before it counts. */
const standbyEveryMs = 60_000;
/** While the account's key is changing or does not count, and how near the epoch's end is nearer: in blocks. */
const changingEveryMs = 5000;
const nearBlocks = 30;
const swapEveryMs = 300;
/** A take-over waits for it. */
const afterDeathEveryMs = 500;
/** A holder's last answer that is older says nothing of now: three questions in a row went unanswered. */
export const answerMaxAgeMs = 3.5 * steadyEveryMs;

/**
 * What every phase does alike: ask in time, and keep the newest answer. A neard that lags speaks of a NEAR epoch that
 * is over, of counts and keys that are no more: it is not asked, and what it said is not kept.
 */
export function heedAccount(draft: Draft, event: Event): void {
  const { settings, state, nowMs } = draft;
  const { probe } = state;
  const isCurrent = probe?.answered === true && !probe.syncing && probe.headAgeMs <= settings.maxHeadAgeMs;
  if (event.is === "account-seen") {
    const isNewer = state.sight === null || event.sight.atMs > state.sight.atMs;
    if (isCurrent && isNewer) draft.state = { ...state, sight: event.sight };
    return;
  }
  // The guard asks by itself.
  if (event.is !== "tick" || (state.phase.name === "standby" && isFirstActivation(state)) || !isCurrent) return;
  if (state.sightAskedMs !== null && nowMs - state.sightAskedMs < askEveryMs(settings, state, nowMs)) return;
  draft.state = { ...state, sightAskedMs: nowMs };
  draft.effects.push({ do: "ask-account" });
}

function askEveryMs(settings: Settings, state: State, nowMs: number): number {
  const { phase, heard, sight } = state;
  const usualMs = heard === null ? standbyEveryMs : heardEveryMs(heard, nowMs);
  if (phase.name === "active" && phase.swap !== null) return swapEveryMs;
  if (isOlderThanDeath(state)) return afterDeathEveryMs;
  if (sight === null) return Math.min(usualMs, doubtfulEveryMs);
  // What speaks against a key is looked at again soon: it may be over.
  const isFaulty = keyFault(settings, state, nowMs) !== null || nextKeyFault(settings, state, nowMs) !== null;
  if (!isFaulty && (sight.nextKey === null || sight.nextKey === countingKey(sight))) return usualMs;
  return Math.min(usualMs, isEpochEndNear(state, nearBlocks) ? freshEveryMs : changingEveryMs);
}

/** A neard died of its key, or of something else: which key counts must be known anew. See deaths.ts. */
function isOlderThanDeath({ watch, sight }: State): boolean {
  const marker = watch.lock === null ? null : cleanMarker(watch.lock);
  return marker !== null && marker.deaths > 0 && sight !== null && sight.atMs < watch.changedMs;
}

function heardEveryMs({ sinceMs, firstMs, lost }: NonNullable<State["heard"]>, nowMs: number): number {
  if (nowMs - sinceMs < freshMs) return freshEveryMs;
  return firstMs === null || lost !== null ? doubtfulEveryMs : steadyEveryMs;
}

/** The head is so near to the first height of the next NEAR epoch, where that is known. */
export function isEpochEndNear({ sight, probe }: State, blocks: number): boolean {
  const height = probe?.height ?? null;
  return sight?.nextStartHeight != null && height !== null && height >= sight.nextStartHeight - blocks;
}
