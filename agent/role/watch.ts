/**
 * The standby's picture of the lock, and from when it counts its wait.
 *
 * Think of watching somebody breathe: the wait starts anew with every breath, and also whenever one
 * looked away for too long, for one cannot know what happened meanwhile.
 * Awkward case: a snapshot restored while the watch was stalled can show an old record as if nothing
 * had happened; so a watch not confirmed for `unbrokenMs`, or an index that goes backwards, counts as
 * a change (design: "the watch must be unbroken").
 * Nor does anything that is written there later shorten a wait: who cannot seal a record can only make others wait.
 */
import { type LeaseTiming, longestHeardMs, waitMs } from "../../contract/timing.ts";
import { type Doubt, doubtOf, provenAfter } from "../lease/doubt.ts";
import { heardMsOf, type LockView } from "../lease/lock-record.ts";
import type { Event, PeerNote, Watch } from "./types.ts";

type Observed = Extract<Event, { is: "observed" }>;

export function newWatch(nowMs: number): Watch {
  return {
    confirmedMs: null,
    changedMs: nowMs,
    anewMs: nowMs,
    held: null,
    index: 0,
    lock: null,
    heardMs: 0,
    overMs: nowMs,
    proven: null,
    doubt: null,
    isDoubted: false,
    paused: false,
    switchover: null,
    notes: {},
  };
}

/**
 * That of an agent which starts where the one before it doubted the lock. What that one saw is gone; that it doubted is
 * not, nor is the wait that goes with a doubt, which begins anew.
 * Why not from where it was: which record was the last proven one went with that agent, so an old one that is put back while
 * nobody watches looks right to this one; only the longest wait covers whom it conceals.
 */
export function doubtingWatch(lease: LeaseTiming, nowMs: number): Watch {
  return { ...newWatch(nowMs), isDoubted: true, overMs: nowMs + waitMs(lease, longestHeardMs) };
}

/** Takes one consistent answer into the picture. `nowMs` is when the answer arrived. */
export function observe(watch: Watch, seen: Observed, lease: LeaseTiming, nowMs: number): Watch {
  // Answers may overtake each other; an older question tells nothing new, and its index proves nothing.
  if (watch.confirmedMs !== null && seen.sentMs < watch.confirmedMs) return watch;
  const before = watch.lock;
  const moved = before === null || !isSame(seen.lock, before);
  const backwards =
    seen.index < watch.index ||
    (before !== null && (seen.lock.lockIndex < before.lockIndex || seen.lock.modifyIndex < before.modifyIndex));
  // From the sending of the last confirmation to this answer: what happened in between, nobody saw.
  const looked = watch.confirmedMs !== null && nowMs - watch.confirmedMs <= lease.unbrokenMs;
  const isBroken = backwards || !looked;
  const doubt = doubtOf(before, watch.proven, seen.lock, seen.isOvertaken !== true);
  const heardMs = heardFor(watch, seen.lock, doubt);
  const isOld = !moved && !isBroken && doubt === null;
  const overMs = isOld ? watch.overMs : Math.max(watch.overMs, nowMs + waitMs(lease, heardMs));
  const held = heldSince(watch, seen.lock, { moved, isBroken, doubtOverMs: doubt === null ? null : overMs }, nowMs);
  return {
    confirmedMs: seen.sentMs,
    changedMs: moved || isBroken ? nowMs : watch.changedMs,
    anewMs: isBroken || doubt !== null ? nowMs : watch.anewMs,
    held,
    index: seen.index,
    lock: seen.lock,
    heardMs,
    overMs,
    proven: provenAfter(watch.proven, seen.lock, doubt),
    doubt: doubt ?? endedTooSoon(watch, seen.lock, lease, nowMs),
    isDoubted:
      doubt !== null || (watch.isDoubted && !(moved && isInOffice(held, seen.lock, waitMs(lease, heardMs), nowMs))),
    paused: seen.paused,
    switchover: seen.switchover,
    notes: mergeNotes(watch.notes, seen.notes, nowMs),
  };
}

/**
 * A holder of ours renews, and has been watched for so long that nobody whom a doubt concealed is heard any more. One
 * that merely stands in the record, also in the first one that is seen at all, may have been put there.
 */
function isInOffice(held: Watch["held"], { session, seal }: LockView, takeoverMs: number, nowMs: number): boolean {
  if (held === null || session !== held.session || seal !== "right") return false;
  return nowMs >= Math.max(held.othersOverMs, held.sinceMs + takeoverMs);
}

/**
 * Only a record that a host of ours sealed for this very term says how long its host is heard. Of two renewals that
 * overtook each other on their way the longer one counts.
 */
function heardFor({ heardMs, proven }: Watch, lock: LockView, doubt: Doubt | null): number {
  const { seal, value, lockIndex } = lock;
  if (seal !== "right" || doubt !== null) return longestHeardMs;
  const said = heardMsOf(lock);
  if (said === null) return heardMs;
  const isLate = proven !== null && proven.epoch === lockIndex && value !== null && value.seq < proven.seq;
  return isLate ? Math.max(said, heardMs) : said;
}

/** By so much a renewal may be seen later than it was made. */
const soonMs = 1000;

/** Something to tell, and no reason to wait longer. A session that is renewed lives for its TTL at least, and a holder renews it three times in that. */
function endedTooSoon(
  { lock: before, changedMs }: Watch,
  lock: LockView,
  lease: LeaseTiming,
  nowMs: number,
): Doubt | null {
  const isEnd = before?.session != null && lock.session === null && lock.value?.released === undefined;
  // Who gives up a take-over that he has just won ends its session himself, before he renewed anything.
  if (!isEnd || lock.seal !== "right" || lock.lockIndex !== before.lockIndex || lock.value?.seq === 0) return null;
  const isSoon = nowMs - changedMs < lease.sessionTtlMs / 3 - soonMs;
  return isSoon ? { because: "the lock's session was ended by somebody, not by its TTL", isTampering: true } : null;
}

function heldSince(
  watch: Watch,
  lock: LockView,
  { moved, isBroken, doubtOverMs }: { moved: boolean; isBroken: boolean; doubtOverMs: number | null },
  nowMs: number,
): Watch["held"] {
  const before = isBroken || doubtOverMs !== null ? null : watch.held;
  if (lock.session !== null) {
    if (before?.session === lock.session) return before;
    return { session: lock.session, sinceMs: nowMs, othersOverMs: doubtOverMs ?? watch.overMs };
  }
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
    a.value?.seq === b.value?.seq &&
    a.seal === b.seal
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
