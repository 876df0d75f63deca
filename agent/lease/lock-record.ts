/**
 * What the lock's key holds, and how to read it.
 *
 * The holder writes its name and a sequence number with every renewal, so that each renewal moves
 * the key's ModifyIndex. A holder that has *proven* that it no longer signs (fence shut, key gone)
 * unlocks the key with a clean marker in it; whoever finds the marker need not wait.
 * Awkward case: anybody with write access to the key could write a record or a marker, or put an old one back. So
 * each is sealed (seal.ts) together with its place: it counts only on a key that has the epoch and the session that it
 * names, and a marker only on one that nobody has locked. What an agent of before the seals wrote has none; how long
 * such a record is waited for, and when its marker counts, is doubt.ts's and watch.ts's.
 * Hosts may have different timings for a while. So a renewal says how long it lets its host be heard; a record that
 * cannot be read, or that nobody of ours sealed, says nothing, and stands for the longest.
 */
import { longestHeardMs } from "../../contract/timing.ts";
import { type Reading, readShape, textOf, understood } from "../../contract/wire/format.ts";
import { type CleanMarker, type LockRecord, type LockValue, lockRecordShape } from "../../contract/wire/lock-record.ts";
import type { KvEntry } from "../../host/consul/client.ts";
import type { Sealer } from "./seal.ts";

/**
 *   right       a neard host of this cluster wrote it, for this session and epoch
 *   missing     it has none, as those of agents of before the seals
 *   wrong       it has another one, or is no record at all: somebody without the key wrote it
 *   misplaced   it is right, of another session or epoch: somebody put an old one back
 *   newer       it says that a newer release wrote it, and is not understood
 *   unchecked   this host has no key, and cannot tell
 */
export type SealState = "right" | "missing" | "wrong" | "misplaced" | "newer" | "unchecked";

/** The lock as one consistent read showed it. A key that does not exist has index 0. */
export interface LockView {
  readonly modifyIndex: number;
  readonly lockIndex: number;
  readonly session: string | null;
  /** null: no value, or one that is not ours (a foreign write). */
  readonly value: LockValue | null;
  /** Of a key that does not exist: `right`, for nobody wrote anything. */
  readonly seal: SealState;
}

export const absentLock: LockView = { modifyIndex: 0, lockIndex: 0, session: null, value: null, seal: "right" };

/** The text of a record, sealed. */
export function lockValueText(record: LockRecord, sealer: Sealer): string {
  const value: LockValue = { ...record };
  return textOf(lockRecordShape, sealer.canTell ? { ...value, seal: sealer.seal(record) } : value);
}

export function lockViewFrom(entry: KvEntry | undefined, sealer: Sealer): LockView {
  if (entry === undefined) return absentLock;
  const reading = readShape(lockRecordShape, entry.value);
  return {
    modifyIndex: entry.modifyIndex,
    lockIndex: entry.lockIndex,
    session: entry.session,
    value: understood(reading),
    seal: sealOf(entry, reading, sealer),
  };
}

function sealOf(entry: KvEntry, reading: Reading<LockValue>, sealer: Sealer): SealState {
  if (!sealer.canTell) return "unchecked";
  if (reading.is === "newer") return "newer";
  if (reading.is === "unreadable") return "wrong";
  const { value } = reading;
  const { seal, session, epoch } = value;
  if (seal === undefined) return "missing";
  if (session === undefined || epoch === undefined) return "wrong";
  if (!sealer.isRight({ ...value, session, epoch }, seal)) return "wrong";
  return epoch === entry.lockIndex && (entry.session === null || entry.session === session) ? "right" : "misplaced";
}

/**
 * For how long after its sending the lock's record lets somebody be heard; null: it gives nobody a lease, so what an
 * earlier one said stands. A record that cannot be read, or that does not say it although somebody has the lock, may have
 * been written over anybody's: then it is the longest that any holder's settings allow.
 */
export function heardMsOf(lock: LockView): number | null {
  const { modifyIndex, lockIndex, session, value } = lock;
  if (modifyIndex === 0) return null;
  if (value === null) return longestHeardMs;
  if (value.heardMs !== undefined) return value.heardMs;
  // One that a standby has made, or that its holder has let go.
  const isFree = session === null && (lockIndex === 0 || cleanMarker(lock) !== null);
  return isFree ? null : longestHeardMs;
}

/** Whether who writes such records may be one of ours; how long one without a seal must be watched is watch.ts's. */
export function mayBelieve({ seal }: LockView): boolean {
  return seal === "right" || seal === "missing";
}

/** The marker that lets a standby skip the wait; null when there is none that counts. */
export function cleanMarker(lock: LockView): CleanMarker | null {
  if (lock.session !== null || !mayBelieve(lock)) return null;
  const marker = lock.value?.released;
  return marker !== undefined && marker.epoch === lock.lockIndex ? marker : null;
}
