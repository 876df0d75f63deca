/**
 * What somebody does to the lock who has a token that may write it, but no validator key: root on an arbiter, whose
 * Consul has every token in its Raft data. He can write, release, delete and put back what he read there before; what
 * he cannot do is seal (agent/lease/seal.ts).
 */
import type { CleanMarker, LockValue } from "../../contract/wire/lock-record.ts";
import type { Cluster } from "./cluster.ts";
import { keys } from "./cluster-names.ts";
import type { ConsulStore } from "./consul/store.ts";
import type { Fault, FaultKind } from "./fault.ts";

/** How often each is struck is the storm's; `how` says which way. */
export const tamperFaults: Record<string, FaultKind> = {
  "forge-release": {
    weight: 2,
    draw: (random) => ({ how: random.pick(["unsealed", "with the record's own seal", "with another marker's seal"]) }),
    strike: forgeRelease,
  },
  "forge-marker": {
    weight: 1,
    draw: () => ({}),
    strike: forgeMarker,
  },
  "replay-record": {
    weight: 2,
    draw: (random) => ({
      how: random.pick(["by a plain write", "in the holder's name", "after deleting the key"]),
      amount: random.whole(1, 40),
    }),
    strike: replayRecord,
  },
  "replay-marker": {
    weight: 2,
    draw: (random) => ({
      how: random.pick(["by a release", "by a plain write", "with its epoch made again"]),
      amount: random.whole(0, 3),
    }),
    strike: replayMarker,
  },
  "recreate-lock": {
    weight: 1,
    draw: (random) => ({ how: random.pick(["empty", "as it was"]) }),
    strike: recreate,
  },
};

const parsed = (text: string): Partial<LockValue> => {
  try {
    return JSON.parse(text) as Partial<LockValue>;
  } catch {
    return {};
  }
};

/** Changes the lock by hand. LockIndex may go anywhere: the witness counts epochs from where it is then. */
function change(cluster: Cluster, act: (store: ConsulStore) => void): boolean {
  const isDone = cluster.consul.change(act);
  if (isDone) cluster.witness.beginHistory(cluster.consul.store.entry(keys.lock)?.lockIndex ?? 0);
  return isDone;
}

/** In the name of the holder's session, with a clean marker of the right session and epoch. */
function forgeRelease(cluster: Cluster, { how }: Fault): string | null {
  const lock = cluster.consul.store.entry(keys.lock);
  if (lock?.session == null) return null;
  const { session } = lock;
  const { seal: _, ...record } = parsed(lock.value) as Record<string, unknown>;
  const seal = how === "unsealed" ? undefined : sealFrom(cluster, lock.value, how);
  const forged = { ...record, seq: Number(record.seq ?? 0) + 1, released: markerFor(lock, record), ...seal };
  const value = JSON.stringify(forged);
  const isDone = change(cluster, (store) => {
    store.transact([{ verb: "unlock", key: keys.lock, session, value }], cluster.consul.memory);
  });
  return isDone ? `somebody releases the lock in its holder's name, with a clean marker (${how})` : null;
}

function sealFrom(cluster: Cluster, value: string, how: string | undefined): object {
  const past = how === "with another marker's seal" ? cluster.lockPast.findLast(isMarker)?.value : value;
  const { seal } = parsed(past ?? value) as { seal?: unknown };
  return seal === undefined ? {} : { seal };
}

function markerFor(lock: { session: string | null; lockIndex: number }, record: object): CleanMarker {
  return {
    by: (record as { host?: string }).host ?? "host-a",
    session: lock.session ?? "",
    to: null,
    epoch: lock.lockIndex,
    switchover: null,
    because: "forged",
    height: null,
    deaths: 0,
  };
}

/** The session is destroyed, and a marker of it written into the free lock. A plain write sets LockIndex to 0. */
function forgeMarker(cluster: Cluster): string | null {
  const lock = cluster.consul.store.entry(keys.lock);
  if (lock?.session == null) return null;
  const { session } = lock;
  const record = parsed(lock.value);
  const value = JSON.stringify({ ...record, released: markerFor({ session, lockIndex: 0 }, record) });
  const isDone = change(cluster, (store) => {
    store.endSession(session, cluster.consul.memory);
    store.put(keys.lock, value);
  });
  return isDone ? "somebody destroys the lock's session and writes a clean marker of it" : null;
}

/** `amount`: how many records before the present one. */
function replayRecord(cluster: Cluster, { how, amount = 1 }: Fault): string | null {
  const lock = cluster.consul.store.entry(keys.lock);
  const past = cluster.lockPast.at(-1 - amount);
  if (past === undefined || lock === undefined) return null;
  const { session } = lock;
  if (how === "in the holder's name" && session === null) return null;
  const isDone = change(cluster, (store) => {
    if (how === "in the holder's name" && session !== null) {
      store.transact([{ verb: "lock", key: keys.lock, session, value: past.value }], cluster.consul.memory);
      return;
    }
    if (how === "after deleting the key") store.delete(keys.lock);
    store.put(keys.lock, past.value);
  });
  return isDone ? `somebody writes an old record of the lock, ${how}` : null;
}

const isMarker = ({ value }: { value: string }): boolean => parsed(value).released !== undefined;

/** `amount`: how many markers before the newest. */
function replayMarker(cluster: Cluster, { how, amount = 0 }: Fault): string | null {
  const past = cluster.lockPast.filter(isMarker).at(-1 - amount);
  const lock = cluster.consul.store.entry(keys.lock);
  if (past === undefined || lock === undefined) return null;
  if (how === "with its epoch made again" && isUnnoticeable(cluster, past.value)) return null;
  const { session } = lock;
  if (how === "by a release" && session === null) return null;
  const isDone = change(cluster, (store) => {
    if (how === "by a release" && session !== null)
      store.transact([{ verb: "unlock", key: keys.lock, session, value: past.value }], cluster.consul.memory);
    else if (how === "by a plain write") store.put(keys.lock, past.value);
    else makeAgain(cluster, store, past.lockIndex, past.value);
  });
  return isDone ? `somebody writes an old clean marker into the lock, ${how}` : null;
}

/** Locks and unlocks until the key has the epoch that the marker names. */
function makeAgain(cluster: Cluster, store: ConsulStore, lockIndex: number, value: string): void {
  const { memory } = cluster.consul;
  store.delete(keys.lock);
  for (let i = 0; i < lockIndex; i += 1) {
    const { id, ...rest } = cluster.consul.newSession(15_000, 0);
    store.addSession({ id, ...rest });
    store.transact([{ verb: "lock", key: keys.lock, session: id, value }], memory);
    store.transact([{ verb: "unlock", key: keys.lock, session: id, value }], memory);
    store.endSession(id, memory);
  }
}

/**
 * A standby that watched this very holder, and has not seen that he let go and another one has come since: to it the
 * marker is news. Like a restored snapshot, it takes a standby that is cut off in just those seconds
 * (docs/guarantees.md, not promised).
 */
function isUnnoticeable(cluster: Cluster, marker: string): boolean {
  const session = parsed(marker).released?.session;
  return cluster.neardHosts.some(({ agent }) => agent !== null && agent.state.watch.held?.session === session);
}

/** Deleted and at once there again, empty or with what it held. */
function recreate(cluster: Cluster, { how }: Fault): string | null {
  const lock = cluster.consul.store.entry(keys.lock);
  if (lock === undefined) return null;
  const first = cluster.lockPast[0]?.value ?? lock.value;
  const isDone = change(cluster, (store) => {
    store.delete(keys.lock);
    store.put(keys.lock, how === "empty" ? first : lock.value);
  });
  return isDone ? `the lock's key is deleted and made again, ${how}` : null;
}
