/**
 * What the maintenance lock needs of Consul, and no more. `consul-store.ts` is the real one;
 * `memory-store.ts` has the same semantics for tests.
 */
import * as z from "zod";
import { hostNameSchema } from "../../contract/topology.ts";

/** Value of the lock key. */
export const lockNoteSchema = z.object({
  host: hostNameSchema,
  /** `working` still there after the session is gone: the apply died without a word. */
  state: z.enum(["working", "done"]),
  /** ISO 8601; for people only. */
  at: z.string(),
});
export type LockNote = z.infer<typeof lockNoteSchema>;

/** Value of the failure key. */
export const failureNoteSchema = z.object({ host: hostNameSchema, error: z.string(), at: z.string() });
export type FailureNote = z.infer<typeof failureNoteSchema>;

/** Both keys as one consistent read saw them. */
export interface MaintenanceView {
  /** `session` null: nobody has the lock, the note is of whoever had it last. */
  readonly lock: { readonly session: string | null; readonly note: LockNote | null } | null;
  readonly failure: (FailureNote & { readonly modifyIndex: number }) | null;
}

/** How many more Consul servers may fail without the loss of the quorum. */
export interface ServerReserve {
  readonly spare: number;
  /** This host's own server is one of the healthy voters: restarting it costs one. */
  readonly ownCounts: boolean;
}

/** No answer that a quorum stands behind: nothing is known. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}

/** Every method throws StoreUnavailable when Consul has no quorum or no server answers. */
export interface MaintenanceStore {
  /** A session with TTL sessionTtlMs, no health checks, behaviour release, lock-delay 1 s. */
  createSession(): Promise<string>;
  /** False: there is no such session any more, and the lock is lost. */
  renewSession(session: string): Promise<boolean>;
  destroySession(session: string): Promise<void>;
  view(): Promise<MaintenanceView>;
  /** False: another session has the lock, or its lock-delay is not over. */
  acquire(session: string, note: LockNote): Promise<boolean>;
  /** False: this session did not have it. */
  release(session: string, note: LockNote): Promise<boolean>;
  putFailure(note: FailureNote): Promise<void>;
  clearFailure(): Promise<void>;
  /** Null where this host may not ask, or has no Consul server. */
  reserve(): Promise<ServerReserve | null>;
}

export const sessionTtlMs = 15_000;
export const renewEveryMs = 5_000;
export const lockDelayMs = 1_000;
