/**
 * A standby's one question: may I take over now, and if not, why not?
 *
 * Think of a relay runner: with the baton in hand (a clean marker) you run at once; without it, or
 * when it merely lies there, you wait until the other cannot possibly be running any more.
 */
import type { PowerProof } from "../../contract/fencing.ts";
import { longestHeardMs, waitMs } from "../../contract/timing.ts";
import type { CleanMarker } from "../../contract/wire/lock-record.ts";
import { cleanMarker, type LockView, mayBelieve } from "../lease/lock-record.ts";
import { backoffAfter } from "./deaths.ts";
import { fencedFor, fencingGate, type Gate, isStale, provenOff, suspectsOf, type Wish, whoFences } from "./fencing.ts";
import { guardView } from "./guard.ts";
import { notReady } from "./readiness.ts";
import { ackWithinMs } from "./switchover.ts";
import type { Probe, Settings, State, TakeOverStory, Watch } from "./types.ts";
import { freshNote, isUnbroken } from "./watch.ts";

export type Verdict =
  | { readonly act: true; readonly story: TakeOverStory }
  /** `power`: what fencing is to do meanwhile. `gate`: fencing alone is waited for. */
  | {
      readonly act: false;
      readonly because: string;
      readonly askNeard?: true;
      readonly power?: Wish;
      readonly gate?: Gate;
    };

/** One better-placed standby is given this long to act before the next one tries. */
const rankDelayMs = 1000;
/** How long a chosen successor is left alone with the lock before others compete. */
const successorGraceMs = 3000;

const wait = (because: string): Verdict => ({ act: false, because });
const seconds = (ms: number): string => `${(ms / 1000).toFixed(0)} s`;

/** Pure: reads state and clock, decides. Times are the boot-time clock's milliseconds. */
export function judgeTakeOver(settings: Settings, state: State, nowMs: number): Verdict {
  const { watch } = state;
  const { lock } = watch;
  const { unbrokenMs } = settings.lease;
  const takeoverMs = waitMs(settings.lease, watch.heardMs);
  if (lock === null) return wait("has not read the lock yet");
  if (!isUnbroken(watch, unbrokenMs, nowMs)) return wait("Consul does not confirm the lock: no quorum, or cut off");

  if (isLockAbsent(settings, state, nowMs)) return wait("the lock's key does not exist; it is being made");

  const fault = notReady(settings, state, nowMs);
  const marker = cleanMarker(lock);
  const holder = lock.session === null ? null : (lock.value?.host ?? "an unknown writer");
  if (fault !== null)
    return wait(`${holder === null ? "nobody holds the lock" : `${holder} holds the lock`}; not ready: ${fault}`);

  // Before any marker: what a foreign hand wrote into a lock that nobody held proves nothing.
  const guard = guardView(settings, state, nowMs);
  if (guard !== null) return wait(guard.because);

  const waitedMs = nowMs - watch.changedMs;
  /** Whoever may have held the lock is not heard any more, whatever a marker says. */
  const isOver = nowMs >= watch.overMs;
  if (marker !== null && isBehind(state.probe, marker) && waitedMs < takeoverMs)
    return {
      act: false,
      because: `neard has not seen block ${marker.height} yet, up to which ${marker.by} may have signed`,
      askNeard: true,
    };
  const backoff = backoffAfter(marker, settings.host, state.sight, watch.changedMs);
  if (backoff !== null && waitedMs < backoff.waitMs)
    return wait(`${backoff.because}; tries it after ${seconds(backoff.waitMs)}`);
  const isSure = marker === null || isWatched(watch, marker.session, takeoverMs, nowMs);
  // As good as a marker: who was off since we read that he holds has ended.
  const isOff = marker === null && provenOff(settings, state) && isWatched(watch, sessionIn(lock), takeoverMs, nowMs);
  if (marker !== null && marker.to === settings.host && (isSure || isOver))
    return throughGate(settings, state, nowMs, marker.switchover !== null ? "switchover" : "failover");
  if (watch.paused) return wait("paused: automatic take-overs are off");

  const rankMs = rankDelayMs * betterPeers(settings, state, nowMs);
  const graceMs = marker === null || marker.to === null ? 0 : successorGraceMs;
  const overMs = (marker !== null && isSure) || isOff ? 0 : watch.overMs - watch.changedMs;
  const neededMs = Math.max(graceMs, overMs) + rankMs;
  if (waitedMs >= neededMs) return throughGate(settings, state, nowMs, "failover");
  if (holder !== null && waitedMs < settings.lease.leaseMs / 2) return wait(`${holder} holds the lease and renews it`);
  const because = `${holder ?? "nobody"} was last seen renewing ${seconds(waitedMs)} ago; takes over after ${seconds(neededMs)}`;
  const look =
    marker === null && isWatched(watch, sessionIn(lock), takeoverMs, nowMs) ? lookedAt(settings, state, nowMs) : null;
  return { act: false, because, power: { off: null, look } };
}

/** The lease rule allows it. Fencing may want to know more of the old host; see fencing.ts. */
function throughGate(settings: Settings, state: State, nowMs: number, kind: "failover" | "switchover"): Verdict {
  const gate = fencingGate(settings, state, nowMs);
  if (gate === null) return { act: true, story: storyFrom(settings, state, nowMs, kind) };
  const { host } = gate;
  const another = host === null || state.fencing.job !== null ? null : whoFences(settings, state, host, nowMs);
  if (another === null) return { act: false, because: gate.because, power: { off: host, look: null }, gate };
  const because = `${another} cuts the power of ${host}, which may still run`;
  return { act: false, because, gate: gate.isStuck ? gate : { ...gate, because } };
}

/** Whose device is worth a look before the wait is over: only where that would end it. */
function lookedAt(settings: Settings, state: State, nowMs: number): string | null {
  const { mode, skipWait } = settings.fencing;
  if (mode === "off" || !skipWait || provenOff(settings, state) || !isStale(settings, state, nowMs)) return null;
  const [suspect] = suspectsOf(settings, state.watch);
  return suspect ?? null;
}

/** Of the term that the record is about, whether its session still holds the lock or not. */
function sessionIn({ session, value }: LockView): string {
  return session ?? value?.session ?? "";
}

/**
 * A neard that has not seen the last block of the old one could sign its height again. It is waited for no longer
 * than for a holder that was lost: a chain that stands still must not keep its validator away.
 */
function isBehind(probe: Probe | null, marker: CleanMarker): boolean {
  return marker.height !== null && (probe?.height ?? 0) < marker.height;
}

/**
 * A key that does not exist looks the same whether or not somebody had it meanwhile: nobody takes it, it
 * is made first, and then watched like any other.
 */
export function isLockAbsent(settings: Settings, state: State, nowMs: number): boolean {
  const { watch } = state;
  return watch.lock?.modifyIndex === 0 && isUnbroken(watch, settings.lease.unbrokenMs, nowMs);
}

/** How many other ready standbys go before this one: by priority, then by name. */
function betterPeers(settings: Settings, state: State, nowMs: number): number {
  return settings.peers.filter(
    (peer) =>
      peer.host !== settings.host &&
      (peer.priority > settings.priority || (peer.priority === settings.priority && peer.host < settings.host)) &&
      freshNote(state.watch, peer.host, nowMs)?.ready === true,
  ).length;
}

function storyFrom(settings: Settings, state: State, nowMs: number, kind: "failover" | "switchover"): TakeOverStory {
  const lock = state.watch.lock;
  const from = lock?.value?.host ?? null;
  const marker = lock === null ? null : cleanMarker(lock);
  if (lock === null || lock.lockIndex === 0)
    return {
      from: null,
      kind: "first",
      because: "nobody held the lock before",
      startedMs: nowMs,
      lastSeenMs: nowMs,
      deaths: 0,
      silent: null,
      fenced: null,
    };
  const fenced = marker === null ? fencedFor(settings, state) : null;
  const because =
    marker !== null
      ? marker.because
      : `${from ?? "the holder"} was not seen renewing for ${seconds(nowMs - state.watch.changedMs)}${doubtOn(state, nowMs)}${powerOf(fenced)}`;
  return {
    from,
    kind,
    because,
    startedMs: nowMs,
    lastSeenMs: state.watch.changedMs,
    deaths: marker?.deaths ?? 0,
    silent: marker === null ? from : null,
    fenced,
  };
}

function powerOf(fenced: PowerProof | null): string {
  if (fenced === null) return "";
  return fenced.outcome === "unproven"
    ? `; it could not be shown to be off: ${fenced.because}`
    : `; it is off (${fenced.device}): ${fenced.because}`;
}

/** The history tells it too: who looks into it later wants to know why it took a minute. */
function doubtOn({ watch, tampering }: State, nowMs: number): string {
  if (tampering !== null && nowMs - tampering.atMs < 2 * longestHeardMs) return `; ${tampering.because}`;
  if (watch.lock?.seal === "missing") return "; its records had no seal, so it was waited for the longest";
  return watch.lock?.seal === "newer" ? "; its records are of a newer release, so it was waited for the longest" : "";
}

/**
 * A marker says that its holder has ended. That nobody else is in office besides follows only from having
 * watched that holder for a whole takeoverMs: a snapshot restored behind a holder's back can bring back an
 * older one, whose belated release then looks like the end of the present one's term.
 */
function isWatched(watch: Watch, session: string, takeoverMs: number, nowMs: number): boolean {
  const { held } = watch;
  return held?.session === session && nowMs - held.sinceMs >= takeoverMs && nowMs >= held.othersOverMs;
}

/**
 * In how many milliseconds this standby could believe the marker of whoever holds now, and so stand ready for a switchover;
 * 0: before a holder that asks for it gives up, as where nobody holds; null: not while the lock is as it is.
 */
export function acksInMs(settings: Settings, { watch }: State, nowMs: number): number | null {
  const { lock, held, heardMs } = watch;
  if (lock === null || lock.session === null) return 0;
  if (!mayBelieve(lock) || held?.session !== lock.session) return null;
  const inMs = Math.max(held.sinceMs + waitMs(settings.lease, heardMs), held.othersOverMs) - nowMs;
  return inMs <= ackWithinMs(settings.lease) ? 0 : inMs;
}

/** The note of a switchover that this host shall stand ready for, once it could believe the holder's marker. */
export function ackFor(settings: Settings, state: State, nowMs: number): string | null {
  const { switchover: note, lock } = state.watch;
  if (note === null || note.to !== settings.host || note.from !== lock?.value?.host || lock.session === null)
    return null;
  if (!mayBelieve(lock)) return null;
  const takeoverMs = waitMs(settings.lease, state.watch.heardMs);
  return isWatched(state.watch, lock.session, takeoverMs, nowMs) ? note.id : null;
}
