/**
 * Power-off fencing: who may still run although the lease rule is over for him, and what proves that he does not. Pure.
 * What is done about it is in fencing-steps.ts.
 *
 * The lease rule counts on the old host's clock. A virtual machine that is paused with its clocks goes on, when it is
 * resumed, with what its lease had left; so before a take-over it is to be shown that whoever may hold a lease has none:
 * he says so himself (the roll call), or his power is off.
 *
 *   who       whom a sealed record of the lock names as its holder; all others, where the record proves nothing
 *   proof     a sealed answer to our own question, or a device's `off` that was read after the record was: the term that
 *             was under way then is dead, whatever runs there later. It counts for that term of the lock alone, and only
 *             while that is watched without a gap or a doubt: in either somebody may have held whom nobody saw
 *   when      only in the moment in which this host would take over if there were no fencing: it is ready, the wait is
 *             over by the lease rule, and no better standby goes first. Nobody is powered off on a suspicion
 * Awkward case: a host that lost its lease and lives (an election that took too long, a session that somebody destroyed).
 * Its answer to the roll call spares it; so it is asked while the wait still runs.
 */
import type { PowerProof } from "../../contract/fencing.ts";
import { cleanMarker } from "../lease/lock-record.ts";
import type { Fencing, LockTerm, PowerJob, Settings, State, Watch } from "./types.ts";
import { freshNote, isUnbroken } from "./watch.ts";

/**
 * A holder whose session is gone, and that lives, gives way when its lease is over, which is just before the wait is; then it
 * can say so. Consul's lock-delay keeps the lock from everybody for longer than this anyway.
 * One whose session lives is given no such moment: whoever lives and hears Consul renews, or releases and needs no answer;
 * and after each loss of power everybody would wait for it.
 */
const answerMs = 3000;

/** Null: the lock was not read yet. */
export function termOf({ lock, anewMs }: Watch): LockTerm | null {
  if (lock === null) return null;
  return { epoch: lock.lockIndex, session: lock.value?.session ?? null, seq: lock.value?.seq ?? null, anewMs };
}

export function isSameTerm(a: LockTerm | null, b: LockTerm | null): boolean {
  return (
    a !== null &&
    b !== null &&
    a.epoch === b.epoch &&
    a.session === b.session &&
    a.seq === b.seq &&
    a.anewMs === b.anewMs
  );
}

/** The record proves who held last: a host of ours wrote it where it is, and nothing is wrong with the lock. */
export function isRecordProof({ lock, isDoubted }: Watch): boolean {
  return lock !== null && lock.seal === "right" && lock.lockIndex > 0 && !isDoubted;
}

/** Hosts that may hold a lease which nobody can see, as far as the lock tells. This host knows of itself that it does not. */
export function suspectsOf({ host: own, peers }: Settings, watch: Watch): readonly string[] {
  const { lock } = watch;
  if (lock === null) return [];
  if (!isRecordProof(watch)) return peers.map(({ host }) => host).filter((host) => host !== own);
  if (cleanMarker(lock) !== null) return [];
  const holder = lock.value?.host;
  return holder === undefined || holder === own ? [] : [holder];
}

/** Those of them that neither said that they hold nothing nor are known to be off. */
export function unresolved(settings: Settings, { watch, fencing }: State): string[] {
  const called = isSameTerm(fencing.call?.term ?? null, termOf(watch)) ? fencing.call : null;
  return suspectsOf(settings, watch).filter(
    (host) =>
      proofOf(fencing, watch, host) === null && !(called !== null && watch.notes[host]?.cleared === called.number),
  );
}

/** What is known of its power in the present term; null: nothing. */
export function proofOf(fencing: Fencing, watch: Watch, host: string): PowerProof | null {
  return isSameTerm(fencing.term, termOf(watch)) ? (fencing.proofs.find((proof) => proof.host === host) ?? null) : null;
}

/** What stands between this host and a take-over that the lease rule allows. */
export interface Gate {
  readonly because: string;
  /** Whose power is to be cut; null: nobody's, for it is not known whose. */
  readonly host: string | null;
  /** Nothing that this host does by itself will open it, as far as can be told: an operator should look. */
  readonly isStuck: boolean;
}

/** Null: fencing has nothing against a take-over. Asked where everything else allows it. */
export function fencingGate(settings: Settings, state: State, nowMs: number): Gate | null {
  const { mode, devices } = settings.fencing;
  if (mode === "off") return null;
  const open = unresolved(settings, state);
  const [host] = open;
  if (host === undefined) return null;
  const { watch, fencing } = state;
  if (!isRecordProof(watch)) {
    if (mode === "bestEffort") return null;
    const isNew = watch.lock?.lockIndex === 0 && watch.lock.seal === "right" && !watch.isDoubted;
    const who = isNew ? "nobody ever held the lock" : "the lock does not prove who held it";
    const because = `fencing is required, and ${who}: waits for ${open.join(" and ")} to say that nothing is held there`;
    return { because, host: null, isStuck: true };
  }
  const isTried = isSameTerm(fencing.term, termOf(watch)) && fencing.failure !== null;
  if (isTried && mode === "bestEffort") return null;
  if (!devices.some((device) => device.host === host))
    return mode === "bestEffort"
      ? null
      : { because: `fencing is required, and ${host} has no power device`, host: null, isStuck: true };
  const isAnswering = watch.lock?.session === null && nowMs - watch.changedMs < settings.lease.takeoverMs + answerMs;
  if (isAnswering && fencing.job?.what !== "off")
    return {
      because: `${host} lost its session: waits a moment for it to say that it holds nothing`,
      host: null,
      isStuck: false,
    };
  // Also while it is tried again: whoever is to be alarmed by it must not be calmed every few seconds.
  if (isTried) {
    const because = `fencing is required, and ${host} could not be shown to be off (${times(fencing.tries)}): ${fencing.failure.because}`;
    return { because, host, isStuck: true };
  }
  const because =
    fencing.job?.what === "off"
      ? underWay(fencing.job)
      : `${host} may still run: its power is to be cut first${brokenOffIn(fencing)}`;
  return { because, host, isStuck: false };
}

/** What is being done, and why it takes its time. */
export function underWay({ host, trouble }: PowerJob): string {
  return `cuts the power of ${host}, which may still run${trouble === null ? "" : `; so far: ${trouble}`}`;
}

function brokenOffIn({ brokenOff }: Fencing): string {
  if (brokenOff === null) return "";
  return `; the order was broken off (${brokenOff.because}), and is given again in a moment`;
}

const times = (count: number): string => (count === 1 ? "1 try" : `${count} tries`);

/**
 * With `skipWait`: the host that the record names was shown to be off since the record was read. As with a clean marker
 * only of a holder that was watched, for that nobody else is in office besides follows from that alone.
 */
export function provenOff(settings: Settings, { watch, fencing }: State): boolean {
  const { lock } = watch;
  if (!settings.fencing.skipWait || lock === null || !isRecordProof(watch)) return false;
  return proofOf(fencing, watch, lock.value?.host ?? "")?.outcome === "off";
}

/** What a take-over that begins now tells of the old host's power. */
export function fencedFor(settings: Settings, { watch, fencing }: State): PowerProof | null {
  if (settings.fencing.mode === "off" || !isSameTerm(fencing.term, termOf(watch))) return null;
  return proofOf(fencing, watch, watch.lock?.value?.host ?? "") ?? fencing.proofs[0] ?? fencing.failure;
}

/** Another standby is at it: two that do the same get in each other's way at the device, and gain nothing. */
export function whoFences(
  { host: own, peers }: Settings,
  { watch }: State,
  host: string,
  nowMs: number,
): string | null {
  const peer = peers.find((one) => one.host !== own && freshNote(watch, one.host, nowMs)?.fencing === host);
  return peer?.host ?? null;
}

/** What a standby wants of fencing in this moment, by its verdict. */
export interface Wish {
  /** The host whose power is to be cut; null: nobody's. */
  readonly off: string | null;
  /** The host of which it is worth knowing whether it is off; null: none. */
  readonly look: string | null;
}

/** The lock stands still for longer than a holder that lives leaves it: who may hold is asked, while the wait still runs. */
export function isStale(settings: Settings, { watch }: State, nowMs: number): boolean {
  const { lock } = watch;
  if (lock === null || !isUnbroken(watch, settings.lease.unbrokenMs, nowMs)) return false;
  return lock.session === null || !isRecordProof(watch) || nowMs - watch.changedMs >= settings.lease.leaseMs / 2;
}
