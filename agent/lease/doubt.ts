/**
 * What cannot have come from the cluster's own hosts, in the lock as it is seen now: somebody tampers with it, or put
 * Consul's data back, or lost it. Pure.
 *
 * Think of a visitors' book with numbered and signed lines: a line without a signature, a signature in another's place,
 * a number that was passed already, a page torn out. Each says that the book is not what it was, and none says what is
 * true instead. So a doubt never moves anything forward: whoever reads the book waits for as long as the longest lease
 * that there can be (`longestLeaseMs`), counted from the doubt (watch.ts).
 * Awkward case: a renewal that was late on its way is committed after a younger one; its number is a little lower, and
 * that is no doubt.
 */
import type { LockView, SealState } from "./lock-record.ts";

/** The last record that was seen with a right seal. */
export interface Proven {
  readonly epoch: number;
  readonly seq: number;
  readonly modifyIndex: number;
}

/** Why the lock as it is seen now is not believed. */
export interface Doubt {
  /** A clause. */
  readonly because: string;
  /** False: it may as well be an agent of another release, of which nobody need be told as of an attack. */
  readonly isTampering: boolean;
}

/** A renewal may come so many numbers late: a holder sends two a second at most, and Consul holds none for a minute. */
const lateRenewals = 120;

/** What is said of a record by its seal alone; null: nothing is against it. */
const bySeal: Record<SealState, string | null> = {
  right: null,
  unchecked: null,
  missing: "the lock's record has no seal: an agent of before the seals wrote it, or somebody who has no validator key",
  wrong: "the lock's record was written by somebody who has not this host's validator key",
  misplaced: "an old record of the lock was put back",
  newer: "the lock's record says that a newer release of holdfast wrote it, and cannot be read",
};

/**
 * Null: nothing new is wrong. What was wrong already and is as it was is not said again.
 * @param before the lock as it was seen last; null: never
 * @param proven of this watch; null: none, or a doubt came after it
 * @param isLater the question was asked after all that came from `before`; if not, an older state proves nothing
 */
export function doubtOf(
  before: LockView | null,
  proven: Proven | null,
  seen: LockView,
  isLater: boolean,
): Doubt | null {
  const isGone = seen.modifyIndex === 0;
  if (isGone) {
    const wasThere = proven !== null || (before?.modifyIndex ?? 0) > 0;
    return isLater && wasThere ? tampering("the lock's key was deleted") : null;
  }
  const said = bySeal[seen.seal];
  if (said !== null) {
    // Whoever writes like that goes on with it: an older agent renews, and lets go.
    const isAsBefore =
      before?.seal === seen.seal &&
      before.lockIndex === seen.lockIndex &&
      (seen.session === null || seen.session === before.session);
    // A new term may be that of another release's agent; within a term its holder's records stay of one kind.
    const mayBeOurs = seen.seal === "missing" || seen.seal === "newer";
    const isNewTerm = proven === null || seen.lockIndex > proven.epoch;
    return isAsBefore ? null : { because: said, isTampering: !(mayBeOurs && isNewTerm) };
  }
  if (proven === null || seen.seal === "unchecked" || !isLater) return null;
  const seq = seen.value?.seq ?? 0;
  const wentBack =
    seen.lockIndex < proven.epoch || (seen.lockIndex === proven.epoch && seq < proven.seq - lateRenewals);
  if (wentBack) return tampering("the lock went back to an older record");
  return seen.modifyIndex < proven.modifyIndex ? tampering("Consul's data went back to an older state") : null;
}

const tampering = (because: string): Doubt => ({ because, isTampering: true });

/** What is proven from here on. */
export function provenAfter(proven: Proven | null, seen: LockView, doubt: Doubt | null): Proven | null {
  if (seen.seal !== "right" || seen.modifyIndex === 0) return doubt === null ? proven : null;
  const seq = seen.value?.seq ?? 0;
  const { lockIndex: epoch, modifyIndex } = seen;
  if (doubt !== null || proven === null) return { epoch, seq, modifyIndex };
  // Of two answers that overtook each other, or two renewals, the younger one.
  if (epoch < proven.epoch) return proven;
  return {
    epoch,
    seq: epoch === proven.epoch ? Math.max(seq, proven.seq) : seq,
    modifyIndex: Math.max(modifyIndex, proven.modifyIndex),
  };
}
