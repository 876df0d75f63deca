/**
 * What the lock's key in Consul holds: the holder's record, with a clean marker in it once the holder has let go. How it is
 * read, and what counts, is in agent/lease/lock-record.ts; what is sealed in agent/lease/seal.ts.
 */
import * as z from "zod";
import { longestHeardMs } from "../timing.ts";
import type { Shape } from "./format.ts";

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

/** Twice what any holder can say; more is not ours. */
const maxHeardMs = 2 * longestHeardMs;

export const lockValueSchema = z.object({
  host: z.string(),
  seq: z.number().int(),
  /** Counted from the sending: the lease, and `stopMs`. Absent where the record gives nobody a lease. */
  heardMs: z.number().int().nonnegative().max(maxHeardMs).optional(),
  released: cleanMarkerSchema.optional(),
  /** The session that holds, or held, the lock; empty in the record that was made with the key. With `seal` only. */
  session: z.string().optional(),
  /** LockIndex under which it does. With `seal` only. */
  epoch: z.number().int().nonnegative().optional(),
  /** One for each key of its writer. Absent: an agent of before the seals wrote it, or somebody else. */
  seal: z.array(z.string().max(64)).max(4).optional(),
});
export type LockValue = z.infer<typeof lockValueSchema>;
/** The record with the marker in it. The number is not sealed: who changes it makes a record that is not understood. */
export const lockRecordShape: Shape<LockValue> = { name: "the lock's record", format: 1, schema: lockValueSchema };

/** What a host writes, before it is sealed. */
export interface LockRecord {
  readonly host: string;
  readonly session: string;
  readonly epoch: number;
  readonly seq: number;
  readonly heardMs?: number | undefined;
  readonly released?: CleanMarker | undefined;
}
