/**
 * What the lock's key holds, and how to read it.
 *
 * The holder writes its name and a sequence number with every renewal, so that each renewal moves
 * the key's ModifyIndex. A holder that has *proven* that it no longer signs (fence shut, key gone)
 * unlocks the key with a clean marker in it; whoever finds the marker need not wait.
 * Awkward case: anybody with write access to the key could write a marker. It counts only on a key
 * that nobody has locked, and only if it names the epoch that the key has, which the unlocking
 * holder alone could have done in the same transaction as its proof of holding it.
 * Hosts may have different timings for a while. So a renewal says how long it lets its host be heard; a record that
 * cannot be read says nothing, and stands for the longest.
 */
import * as z from "zod";
import type { KvEntry } from "../consul/client.ts";

export const cleanMarkerSchema = z.object({
  /** The holder that released, and its session. */
  by: z.string(),
  session: z.string(),
  /** Chosen successor; null: whoever is ready. */
  to: z.string().nullable(),
  /** LockIndex under which it held. */
  epoch: z.number().int(),
  /** Id of the switchover that this is part of; null when it was none. */
  switchover: z.string().nullable(),
  because: z.string(),
  /** Head of its neard when the fence had shut: no block of it that got out is higher. Null: nobody could ask. */
  height: z.number().int().nonnegative().nullable().default(null),
  /** So many take-overs in a row, this one included, ended with a neard that died of them; see agent/role/deaths.ts. */
  deaths: z.number().int().nonnegative().default(0),
});
export type CleanMarker = z.infer<typeof cleanMarkerSchema>;

/** Twice Consul's greatest lock-delay, above which no lease can be; more is not ours. */
export const maxHeardMs = 120_000;

export const lockValueSchema = z.object({
  host: z.string(),
  seq: z.number().int(),
  /** Counted from the sending: the lease, and `stopMs`. Absent where the record gives nobody a lease. */
  heardMs: z.number().int().nonnegative().max(maxHeardMs).optional(),
  released: cleanMarkerSchema.optional(),
});
export type LockValue = z.infer<typeof lockValueSchema>;

/** The lock as one consistent read showed it. A key that does not exist has index 0. */
export interface LockView {
  readonly modifyIndex: number;
  readonly lockIndex: number;
  readonly session: string | null;
  /** null: no value, or one that is not ours (a foreign write). */
  readonly value: LockValue | null;
}

export const absentLock: LockView = { modifyIndex: 0, lockIndex: 0, session: null, value: null };

export function lockViewFrom(entry: KvEntry | undefined): LockView {
  if (entry === undefined) return absentLock;
  return {
    modifyIndex: entry.modifyIndex,
    lockIndex: entry.lockIndex,
    session: entry.session,
    value: parseValue(entry.value),
  };
}

function parseValue(text: string): LockValue | null {
  try {
    return lockValueSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/**
 * For how long after its sending the lock's record lets somebody be heard; null: it gives nobody a lease, so what an
 * earlier one said stands. A record that cannot be read, or that does not say it although somebody has the lock, may have
 * been written over anybody's: then it is the longest that any holder's settings allow.
 */
export function heardMsOf(lock: LockView): number | null {
  const { modifyIndex, lockIndex, session, value } = lock;
  if (modifyIndex === 0) return null;
  if (value === null) return maxHeardMs;
  if (value.heardMs !== undefined) return value.heardMs;
  // One that a standby has made, or that its holder has let go.
  const isFree = session === null && (lockIndex === 0 || cleanMarker(lock) !== null);
  return isFree ? null : maxHeardMs;
}

/** The marker that lets a standby skip the wait; null when there is none that counts. */
export function cleanMarker(lock: LockView): CleanMarker | null {
  if (lock.session !== null) return null;
  const marker = lock.value?.released;
  return marker !== undefined && marker.epoch === lock.lockIndex ? marker : null;
}
