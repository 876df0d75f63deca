/**
 * Consul as facts about it say, as one state machine: what the Raft log decides. Leaders, elections
 * and lost messages are the network's part (network.ts).
 */
import type { KvEntry, KvRead, TxnOperation, TxnOutcome } from "../../agent/consul/client.ts";

interface Session {
  readonly ttlMs: number;
  readonly lockDelayMs: number;
  renewedMs: number;
}

/** The key's entry with what a watcher waits for. */
type Mutable = { -readonly [K in keyof KvEntry]: KvEntry[K] };

export class SimulatedConsul {
  #index = 10;
  readonly #keys = new Map<string, Mutable>();
  readonly #sessions = new Map<string, Session>();
  readonly #lockDelayUntilMs = new Map<string, number>();
  #sessionCount = 0;

  createSession(nowMs: number, ttlMs: number, lockDelayMs: number): string {
    this.#index += 1;
    this.#sessionCount += 1;
    const id = `session-${this.#sessionCount}`;
    this.#sessions.set(id, { ttlMs, lockDelayMs, renewedMs: nowMs });
    return id;
  }

  renewSession(nowMs: number, id: string): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) session.renewedMs = nowMs;
  }

  /** Invalidation and destroy alike: locks are released, and their keys rest for the lock-delay. */
  endSession(nowMs: number, id: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    for (const entry of this.#keys.values()) {
      if (entry.session !== id) continue;
      this.#index += 1;
      entry.session = null;
      entry.modifyIndex = this.#index;
      this.#lockDelayUntilMs.set(entry.key, nowMs + session.lockDelayMs);
    }
  }

  /** A TTL is a lower bound: the leader ends a session at twice the TTL. */
  expire(nowMs: number): void {
    for (const [id, session] of this.#sessions)
      if (nowMs - session.renewedMs > 2 * session.ttlMs) this.endSession(nowMs, id);
  }

  /** A new leader starts every session's timer anew and has forgotten all lock-delays. */
  changeLeader(nowMs: number): void {
    for (const session of this.#sessions.values()) session.renewedMs = nowMs;
    this.#lockDelayUntilMs.clear();
  }

  /** A value that is the same moves no index (seen on 1.20.6). */
  put(key: string, value: string): void {
    const entry = this.#keys.get(key);
    if (entry?.value === value) return;
    this.#index += 1;
    if (entry === undefined) this.#keys.set(key, { key, value, modifyIndex: this.#index, lockIndex: 0, session: null });
    else Object.assign(entry, { value, modifyIndex: this.#index });
  }

  delete(key: string): void {
    if (this.#keys.delete(key)) this.#index += 1;
  }

  read(): KvRead {
    return { index: this.#index, entries: [...this.#keys.values()].map((entry) => ({ ...entry })) };
  }

  get index(): number {
    return this.#index;
  }

  lockHolder(key: string): string | null {
    return this.#keys.get(key)?.session ?? null;
  }

  transact(nowMs: number, operations: readonly TxnOperation[]): TxnOutcome {
    // Tried on a copy: all or nothing.
    const copy = new Map([...this.#keys].map(([key, entry]) => [key, { ...entry }]));
    const index = this.#index + 1;
    const entries: KvEntry[] = [];
    for (const operation of operations) {
      const because = this.#operate(nowMs, copy, operation, index);
      if (because !== null) return { committed: false, because };
      const entry = copy.get(operation.key);
      if (entry !== undefined) entries.push({ ...entry });
    }
    this.#index = index;
    for (const [key, entry] of copy) this.#keys.set(key, entry);
    return { committed: true, entries };
  }

  #operate(nowMs: number, keys: Map<string, Mutable>, operation: TxnOperation, index: number): string | null {
    const entry = keys.get(operation.key);
    switch (operation.verb) {
      case "check-index":
        return entry?.modifyIndex === operation.index ? null : "failed index check";
      case "check-not-exists":
        return entry === undefined ? null : "key exists";
      case "check-session":
        return entry?.session === operation.session ? null : "failed session check";
      case "unlock":
        if (entry === undefined || entry.session !== operation.session) return "not held by the session";
        Object.assign(entry, { session: null, value: operation.value, modifyIndex: index });
        return null;
      case "lock": {
        if (!this.#sessions.has(operation.session)) return "invalid session";
        if (entry?.session === operation.session) {
          Object.assign(entry, { value: operation.value, modifyIndex: index });
          return null;
        }
        if (entry !== undefined && entry.session !== null) return "lock is already held";
        if (nowMs < (this.#lockDelayUntilMs.get(operation.key) ?? 0)) return "lock-delay";
        keys.set(operation.key, {
          key: operation.key,
          value: operation.value,
          modifyIndex: index,
          lockIndex: (entry?.lockIndex ?? 0) + 1,
          session: operation.session,
        });
        return null;
      }
    }
  }
}
