/**
 * What Consul's Raft log decides: keys, sessions, locks (facts about Consul, seen on 1.20.6). Pure: no
 * time in it but the lock-delay, which is its leader's alone and therefore handed in.
 *
 * Entries are never changed, only replaced, so that a read, a snapshot and a deposed leader's view can
 * share them.
 */
import type { KvEntry, KvRead, TxnOperation, TxnOutcome } from "../../../host/consul/client.ts";

export interface Session {
  readonly id: string;
  readonly ttlMs: number;
  readonly lockDelayMs: number;
}

/** A moment's state: what `consul snapshot save` writes. */
export interface Snapshot {
  readonly index: number;
  readonly prefixIndex: number;
  readonly keys: ReadonlyMap<string, KvEntry>;
  readonly sessions: ReadonlyMap<string, Session>;
}

/** Kept by each server, in memory, and asked of the leader: keys that rest after their session was lost. */
export interface LockDelays {
  isResting(key: string): boolean;
  rest(key: string, forMs: number): void;
}

export class ConsulStore {
  /** Of the Raft log: never goes back, not even by a restore (hashicorp/raft, restoreUserSnapshot). */
  #index = 10;
  /** What a reader of the whole prefix is told: the newest of its keys and deletions. Goes back by a restore. */
  #prefixIndex = 10;
  #keys = new Map<string, KvEntry>();
  #sessions = new Map<string, Session>();
  #read: KvRead | null = null;

  get prefixIndex(): number {
    return this.#prefixIndex;
  }

  entry(key: string): KvEntry | undefined {
    return this.#keys.get(key);
  }

  session(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  get sessions(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  read(): KvRead {
    this.#read ??= { index: this.#prefixIndex, entries: [...this.#keys.values()] };
    return this.#read;
  }

  save(): Snapshot {
    return {
      index: this.#index,
      prefixIndex: this.#prefixIndex,
      keys: new Map(this.#keys),
      sessions: new Map(this.#sessions),
    };
  }

  /** Old keys, sessions and locks are back, with their old indexes; the log's own index goes on. */
  restore(snapshot: Snapshot): void {
    this.#index = Math.max(this.#index, snapshot.index) + 1;
    this.#prefixIndex = snapshot.prefixIndex;
    this.#keys = new Map(snapshot.keys);
    this.#sessions = new Map(snapshot.sessions);
    this.#read = null;
  }

  /** New servers with empty disks: the indexes start anew, too. */
  wipe(): void {
    this.#index = 10;
    this.#prefixIndex = 10;
    this.#keys = new Map();
    this.#sessions = new Map();
    this.#read = null;
  }

  addSession(session: Session): void {
    this.#index += 1;
    this.#sessions.set(session.id, session);
  }

  /** By the TTL or by hand: behaviour `release`, and then the key rests for the lock-delay. */
  endSession(id: string, delays: LockDelays): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#index += 1;
    this.#sessions.delete(id);
    for (const entry of this.#keys.values())
      if (entry.session === id) {
        this.#set({ ...entry, session: null, modifyIndex: this.#index });
        delays.rest(entry.key, session.lockDelayMs);
      }
  }

  /** A value that is the same moves no index; another one sets LockIndex back to 0, and leaves the lock (seen on 1.20.6). */
  put(key: string, value: string): void {
    const entry = this.#keys.get(key);
    this.#index += 1;
    if (entry?.value === value) return;
    this.#set({
      key,
      value,
      modifyIndex: this.#index,
      lockIndex: 0,
      session: entry?.session ?? null,
    });
  }

  /** With the key its LockIndex goes. */
  delete(key: string): void {
    this.#index += 1;
    if (!this.#keys.delete(key)) return;
    this.#prefixIndex = this.#index;
    this.#read = null;
  }

  /** All or none. The leader looks for a lock-delay before all else, even before it looks whose lock it is. */
  transact(operations: readonly TxnOperation[], delays: LockDelays): TxnOutcome {
    const resting = operations.find(({ verb, key }) => verb === "lock" && delays.isResting(key));
    if (resting !== undefined)
      return { committed: false, because: `failed to lock key "${resting.key}" due to lock delay` };
    const before = this.#keys;
    const { prefix, read } = { prefix: this.#prefixIndex, read: this.#read };
    this.#keys = new Map(before);
    this.#index += 1;
    const entries: KvEntry[] = [];
    for (const operation of operations) {
      const because = this.#operate(operation);
      if (because !== null) {
        this.#keys = before;
        this.#prefixIndex = prefix;
        this.#read = read;
        return { committed: false, because };
      }
      const entry = this.#keys.get(operation.key);
      if (entry !== undefined) entries.push(entry);
    }
    return { committed: true, entries };
  }

  /** Null: done; else why not. */
  #operate(operation: TxnOperation): string | null {
    const { key } = operation;
    const entry = this.#keys.get(key);
    switch (operation.verb) {
      case "check-index":
        return entry?.modifyIndex === operation.index ? null : "current modify index does not match";
      case "check-not-exists":
        return entry === undefined ? null : "key exists";
      case "check-session":
        return entry !== undefined && entry.session === operation.session ? null : "session does not match";
      case "unlock":
        if (entry === undefined || entry.session !== operation.session) return "lock isn't held by the session";
        this.#set({ ...entry, session: null, value: operation.value, modifyIndex: this.#index });
        return null;
      case "lock": {
        if (!this.#sessions.has(operation.session)) return "invalid session";
        const isOwn = entry?.session === operation.session;
        if (!isOwn && entry !== undefined && entry.session !== null) return "lock is already held";
        const lockIndex = (entry?.lockIndex ?? 0) + (isOwn ? 0 : 1);
        this.#set({ key, value: operation.value, modifyIndex: this.#index, lockIndex, session: operation.session });
        return null;
      }
    }
  }

  #set(entry: KvEntry): void {
    this.#keys.set(entry.key, entry);
    this.#prefixIndex = this.#index;
    this.#read = null;
  }
}
