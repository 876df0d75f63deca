/**
 * The doppelganger guard: a deployment that never held the lock does not sign for an account that
 * somebody else is signing for.
 *
 * Think of moving into a house: the first time, one listens at the door. Who has lived there before
 * (any epoch) need not, for from then on the lock knows who may be inside.
 * Silence proves more the more there was to say: every duty that the account lets pass counts, and
 * where it has none, only time does. Awkward case: NEAR counts anew in each of its epochs, and what the
 * old one's last seconds held nobody can see any more. The watch goes on over the change, for on a chain
 * with short NEAR epochs it would never end otherwise, but those seconds are no part of it. Not seen: a
 * validator that is only restarting, and one whose few duties all lie outside the watch (docs/guarantees.md).
 */
import type { SealState } from "../lease/lock-record.ts";
import { neardFault } from "./readiness.ts";
import type { Draft } from "./transitions.ts";
import type { AccountSight, Event, Guard, Settings, State } from "./types.ts";

export interface GuardTiming {
  /** So many duties must pass without one done ... */
  readonly duties: number;
  /** ... over at least so long: a validator that is being restarted does nothing either. */
  readonly leastMs: number;
  /** An account with fewer duties is believed silent after this. */
  readonly windowMs: number;
}

/** The lab: a duty in each slot of about a second, and a watch that ends within the standby's first wait. */
const labTiming: GuardTiming = { duties: 6, leastMs: 4000, windowMs: 30_000 };
/**
 * Public networks: nearly every block asks nearly every validator for an endorsement, so two minutes
 * hold some 200 duties; they cost nothing that a validator notices (facts: what downtime costs).
 */
const publicTiming: GuardTiming = { duties: 30, leastMs: 120_000, windowMs: 900_000 };

/** Chains of that name are made for trying things, by nearcore's own tools and by the lab; no public one has it. */
export function guardTiming(chainId: string): GuardTiming {
  return chainId === "localnet" || chainId.startsWith("test-chain-") ? labTiming : publicTiming;
}

/** How often neard is asked: on a public network its answer has hundreds of validators. */
const askEveryMs = 2000;
/** A longer break between two answers begins the watch anew, and an older answer says nothing about now. */
const maxBreakMs = 10_000;

/** Why this deployment does not activate for the first time; `refusing`: the account is seen producing. */
export interface GuardView {
  readonly state: "watching" | "refusing";
  readonly because: string;
  readonly next: string | null;
}

/** Whoever can write the lock can write such a record, one that claims to be of a newer release too. */
const notOurs: ReadonlySet<SealState> = new Set(["wrong", "misplaced", "newer"]);

/**
 * Nobody ever held this lock. LockIndex only grows, so once there was a holder this is over; but that a foreign hand made
 * it grow shows no holder of ours.
 */
export function isFirstActivation({ watch: { lock } }: State): boolean {
  return lock !== null && (lock.lockIndex === 0 || notOurs.has(lock.seal));
}

/** A standby's part of each event: ask neard, take its answers in, and stop when a holder was seen. */
export function keepGuard(draft: Draft, event: Event): void {
  const { state, settings, nowMs } = draft;
  if (!isFirstActivation(state)) {
    if (state.guard !== null) draft.state = { ...state, guard: null };
    return;
  }
  const guard = state.guard ?? newGuard;
  // A neard that lags or stands still would make anybody look silent.
  if (neardFault(settings, state.probe, nowMs) !== null) {
    draft.state = { ...state, guard: { ...guard, last: null } };
  } else if (event.is === "account-seen") {
    draft.state = { ...state, guard: take(guard, event.sight) };
  } else if (event.is === "tick" && (guard.askedMs === null || nowMs - guard.askedMs >= askEveryMs)) {
    draft.state = { ...state, guard: { ...guard, askedMs: nowMs } };
    draft.effects.push({ do: "ask-account" });
  }
}

const newGuard: Guard = { askedMs: null, last: null, silentSinceMs: 0, missed: 0, producedMs: null };

/**
 * One answer more. What grew between two answers of one NEAR epoch tells something; of the next epoch, all that it
 * counted so far. Any other answer begins the watch anew.
 */
function take(guard: Guard, sight: AccountSight): Guard {
  const { last } = guard;
  if (last !== null && sight.atMs <= last.atMs) return guard;
  const grown = last === null ? null : growth(last, sight);
  if (grown === null) return { ...guard, last: sight, silentSinceMs: sight.atMs, missed: 0 };
  if (grown.produced > 0)
    return { ...guard, last: sight, silentSinceMs: sight.atMs, missed: 0, producedMs: sight.atMs };
  const silentSinceMs = guard.silentSinceMs + grown.unseenMs;
  return { ...guard, last: sight, silentSinceMs, missed: guard.missed + grown.expected };
}

/** What the account did and let pass from one answer to the next; null: that cannot be told. */
function growth(
  last: AccountSight,
  sight: AccountSight,
): { produced: number; expected: number; unseenMs: number } | null {
  const passedMs = sight.atMs - last.atMs;
  if (passedMs > maxBreakMs || sight.standing !== last.standing) return null;
  if (sight.nearEpoch === last.nearEpoch) {
    const [produced, expected] = [sight.produced - last.produced, sight.expected - last.expected];
    return produced < 0 || expected < 0 ? null : { produced, expected, unseenMs: 0 };
  }
  // The new one's counts began at 0, after the last answer: all of them is news. What the old one counted behind that
  // answer is lost, so the time between the two is not watched: no proof of silence is ever completed by it.
  if (sight.nearEpoch !== last.nearEpoch + 1) return null;
  return { produced: sight.produced, expected: sight.expected, unseenMs: passedMs };
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(0)} s`;
/** That it was seen producing is told for this long; after that the watch is what there is to tell. */
const refusingMs = 30_000;

/** Null: the guard has nothing against activating. Pure. */
export function guardView(settings: Settings, state: State, nowMs: number): GuardView | null {
  if (!isFirstActivation(state)) return null;
  const { guard } = state;
  const { duties, leastMs, windowMs } = guardTiming(settings.chainId);
  const watching = (because: string): GuardView => ({
    state: "watching",
    because: `first activation: ${because}`,
    next: null,
  });
  if (guard === null || guard.last === null || nowMs - guard.last.atMs > maxBreakMs)
    return watching("neard has not said yet whether the account is validating elsewhere");
  const { last, missed, producedMs } = guard;
  if (last.standing === "none") return null;
  if (last.standing === "next")
    return watching(
      "the account validates from the next NEAR epoch on; waits for it, to see whether somebody else signs",
    );
  const silentMs = last.atMs - guard.silentSinceMs;
  if ((missed >= duties && silentMs >= leastMs) || silentMs >= windowMs) return null;
  if (producedMs !== null && nowMs - producedMs <= Math.max(refusingMs, leastMs))
    return {
      state: "refusing",
      because: `refuses its first activation: the account was seen producing elsewhere ${seconds(nowMs - producedMs)} ago`,
      next:
        "Stop the other validator, and see that it does not start again; " +
        `this cluster then goes on by itself, after ${seconds(leastMs)} of silence (${seconds(windowMs)} where it has few duties).`,
    };
  return watching(
    `watches whether the account is validating elsewhere: silent for ${seconds(silentMs)} of ${seconds(leastMs)}, ` +
      `let ${missed} of ${duties} duties pass (or ${seconds(windowMs)} without any)`,
  );
}
