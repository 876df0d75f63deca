/**
 * Consul's part of the maintenance lock in memory, for tests: sessions with a TTL (it ends them late, at
 * twice the TTL, as Consul may), lock-delay after a session ended and none after a release, indexes that
 * only grow. Time comes from the test's clock.
 */
import type { FailureNote, MaintenanceNote } from "../../contract/wire/notes.ts";
import {
  lockDelayMs,
  type MaintenanceStore,
  type MaintenanceView,
  type ServerReserve,
  StoreUnavailable,
  sessionTtlMs,
} from "./store.ts";

export class MemoryCluster {
  readonly #nowMs: () => number;
  readonly #sessions = new Map<string, { endsMs: number }>();
  #index = 10;
  #lock: { session: string | null; note: MaintenanceNote } | null = null;
  #freeFromMs = 0;
  #failure: (FailureNote & { modifyIndex: number }) | null = null;
  /** False: no server answers anybody. */
  quorum = true;
  reserve: Omit<ServerReserve, "heir"> = { spare: 1, ownCounts: true, faults: [] };
  /** Name of the host whose server leads, and of the one that it can hand over to. */
  leader = "host-z";
  heir: string | null = "host-y";
  /** Whether Consul does what it is told. */
  handsOver = true;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The store as one host sees it. */
  store(host = "host-a"): MaintenanceStore {
    const answering = async <T>(answer: () => T): Promise<T> => {
      if (!this.quorum) throw new StoreUnavailable("no cluster leader");
      this.#expire();
      return answer();
    };
    return {
      createSession: () =>
        answering(() => {
          const session = `session-${++this.#index}`;
          this.#sessions.set(session, { endsMs: this.#nowMs() + 2 * sessionTtlMs });
          return session;
        }),
      renewSession: (session) =>
        answering(() => {
          if (!this.#sessions.has(session)) return false;
          this.#sessions.set(session, { endsMs: this.#nowMs() + 2 * sessionTtlMs });
          return true;
        }),
      destroySession: (session) => answering(() => this.#end(session)),
      view: () => answering((): MaintenanceView => ({ lock: this.#lock, failure: this.#failure })),
      acquire: (session, note) => answering(() => this.#acquire(session, note)),
      release: (session, note) =>
        answering(() => {
          if (this.#lock?.session !== session) return false;
          this.#lock = { session: null, note };
          this.#index++;
          return true;
        }),
      putFailure: (note) =>
        answering(() => {
          this.#failure = { ...note, modifyIndex: ++this.#index };
        }),
      clearFailure: () =>
        answering(() => {
          this.#failure = null;
        }),
      reserve: () =>
        answering(() => {
          const { leader, heir } = this;
          return {
            ...this.reserve,
            heir: leader === host && heir !== null ? { name: heir, id: `id of ${heir}` } : null,
          };
        }),
      leads: () => answering(() => this.leader === host),
      handOver: async ({ name }) => {
        if (this.handsOver) this.leader = name;
      },
    };
  }

  #acquire(session: string, note: MaintenanceNote): boolean {
    if (!this.#sessions.has(session)) return false;
    if (this.#lock?.session === session) {
      this.#lock = { session, note };
      this.#index++;
      return true;
    }
    if (this.#lock?.session != null || this.#nowMs() < this.#freeFromMs) return false;
    this.#lock = { session, note };
    this.#index++;
    return true;
  }

  #expire(): void {
    for (const [session, { endsMs }] of this.#sessions) if (endsMs <= this.#nowMs()) this.#end(session);
  }

  #end(session: string): void {
    this.#sessions.delete(session);
    if (this.#lock?.session !== session) return;
    this.#lock = { ...this.#lock, session: null };
    this.#freeFromMs = this.#nowMs() + lockDelayMs;
    this.#index++;
  }
}
