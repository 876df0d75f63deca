/**
 * What the maintenance lock needs of Consul, and no more. `consul-store.ts` is the real one;
 * `memory-store.ts` has the same semantics for tests.
 */
import type { FailureNote, MaintenanceNote } from "../../contract/wire/notes.ts";
import type { Heir } from "../../host/consul/voters.ts";

/** Both keys as one consistent read saw them. */
export interface MaintenanceView {
  /** `session` null: nobody has the lock, the note is of whoever had it last. */
  readonly lock: { readonly session: string | null; readonly note: MaintenanceNote | null } | null;
  readonly failure: (FailureNote & { readonly modifyIndex: number }) | null;
}

/** How many more Consul servers may fail without the loss of the quorum; each was asked itself. */
export interface ServerReserve {
  readonly spare: number;
  /** This host's own server is one of the voters and may be alive: restarting it costs one. */
  readonly ownCounts: boolean;
  /** The others that nobody can count on, each as a clause. */
  readonly faults: readonly string[];
  /** Whom this host's server can have lead Consul in its place; null: it does not lead, or cannot. */
  readonly heir: Heir | null;
}

/** No answer that a quorum stands behind: nothing is known. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}

/**
 * Every method throws StoreUnavailable when Consul has no quorum or no server answers, and HoldfastError HF_CONSUL
 * when Consul refuses.
 */
export interface MaintenanceStore {
  /** A session with TTL sessionTtlMs, no health checks, behaviour release, lock-delay 1 s. */
  createSession(): Promise<string>;
  /** False: there is no such session any more, and the lock is lost. */
  renewSession(session: string): Promise<boolean>;
  destroySession(session: string): Promise<void>;
  view(): Promise<MaintenanceView>;
  /** False: another session has the lock, or its lock-delay is not over. */
  acquire(session: string, note: MaintenanceNote): Promise<boolean>;
  /** False: this session did not have it. */
  release(session: string, note: MaintenanceNote): Promise<boolean>;
  putFailure(note: FailureNote): Promise<void>;
  clearFailure(): Promise<void>;
  reserve(): Promise<ServerReserve>;
  /** Whether this host's server leads Consul. */
  leads(): Promise<boolean>;
  /** Asks Consul to have another server lead. Never throws: whether it does shows in `reserve`. */
  handOver(heir: Heir): Promise<void>;
}

export const sessionTtlMs = 15_000;
export const renewEveryMs = 5_000;
export const lockDelayMs = 1_000;
