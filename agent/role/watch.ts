/**
 * The standby's picture of the lock, and from when it counts its wait.
 *
 * Think of watching somebody breathe: the wait starts anew with every breath, and also whenever one
 * looked away for too long, for one cannot know what happened meanwhile.
 * Awkward case: a snapshot restored while the watch was stalled can show an old record as if nothing
 * had happened; so a watch not confirmed for `unbrokenMs`, or an index that goes backwards, counts as
 * a change (design: "the watch must be unbroken").
 */
import { heardMsOf, type LockView } from "../lease/lock-record.ts";
import type { Event, PeerNote, Watch } from "./types.ts";

type Observed = Extract<Event, { is: "observed" }>;

export function newWatch(nowMs: number): Watch {
  return {
    confirmedMs: null,
    changedMs: nowMs,
    held: null,
    index: 0,
    lock: null,
    heardMs: 0,
    paused: false,
    switchover: null,
    notes: {},
  };
}

/** Takes one consistent answer into the picture. `nowMs` is when the answer arrived. */
export function observe(watch: Watch, seen: Observed, unbrokenMs: number, nowMs: number): Watch {
  // Answers may overtake each other; an older question tells nothing new, and its index proves nothing.
  if (watch.confirmedMs !== null && seen.sentMs < watch.confirmedMs) return watch;
  const before = watch.lock;
  const moved = before === null || !isSame(seen.lock, before);
  const backwards =
    seen.index < watch.index ||
    (before !== null && (seen.lock.lockIndex < before.lockIndex || seen.lock.modifyIndex < before.modifyIndex));
  // From the sending of the last confirmation to this answer: what happened in between, nobody saw.
  const looked = watch.confirmedMs !== null && nowMs - watch.confirmedMs <= unbrokenMs;
  const isBroken = backwards || !looked;
  return {
    confirmedMs: seen.sentMs,
    changedMs: moved || isBroken ? nowMs : watch.changedMs,
    held: heldSince(watch, seen.lock, { moved, isBroken }, nowMs),
    index: seen.index,
    lock: seen.lock,
    heardMs: heardMsOf(seen.lock) ?? watch.heardMs,
    paused: seen.paused,
    switchover: seen.switchover,
    notes: mergeNotes(watch.notes, seen.notes, nowMs),
  };
}

function heldSince(
  watch: Watch,
  lock: LockView,
  { moved, isBroken }: { moved: boolean; isBroken: boolean },
  nowMs: number,
): Watch["held"] {
  const before = isBroken ? null : watch.held;
  if (lock.session !== null)
    return before?.session === lock.session ? before : { session: lock.session, sinceMs: nowMs };
  // The move from held to free is the holder's own; any other move of a free lock is somebody else's.
  return moved && watch.lock?.session === null ? null : before;
}

/** The index alone would do, did it not begin anew when Consul's data is lost. */
function isSame(a: LockView, b: LockView): boolean {
  return (
    a.modifyIndex === b.modifyIndex &&
    a.lockIndex === b.lockIndex &&
    a.session === b.session &&
    a.value?.host === b.value?.host &&
    a.value?.seq === b.value?.seq
  );
}

/** True while the picture was confirmed recently enough to act on it. */
export function isUnbroken(watch: Watch, unbrokenMs: number, nowMs: number): boolean {
  return watch.confirmedMs !== null && nowMs - watch.confirmedMs <= unbrokenMs;
}

/** A note's age counts from when we saw it change: the writer's clock is not ours. */
function mergeNotes(before: Watch["notes"], seen: Observed["notes"], nowMs: number): Record<string, PeerNote> {
  return Object.fromEntries(
    Object.entries(seen).map(([host, note]) => {
      const old = before[host];
      const seenMs = old !== undefined && old.modifyIndex === note.modifyIndex ? old.seenMs : nowMs;
      return [host, { ...note, seenMs }];
    }),
  );
}

/** Hosts write their note at least every 10 s; an older one says nothing about now. */
export const noteMaxAgeMs = 25_000;

export function freshNote(watch: Watch, host: string, nowMs: number): PeerNote | null {
  const note = watch.notes[host];
  return note !== undefined && nowMs - note.seenMs <= noteMaxAgeMs ? note : null;
}
