/** The simulated Consul against the facts that it stands for (seen on Consul 1.20.6). */
import { describe, expect, test } from "vitest";
import { ConsulStore, type LockDelays, type Session } from "./store.ts";

const key = "lock";
const session = (id: string): Session => ({ id, ttlMs: 15_000, lockDelayMs: 15_000 });

class Delays implements LockDelays {
  readonly resting = new Set<string>();
  isResting(name: string): boolean {
    return this.resting.has(name);
  }
  rest(name: string): void {
    this.resting.add(name);
  }
}

function held() {
  const store = new ConsulStore();
  const delays = new Delays();
  for (const id of ["a", "b"]) store.addSession(session(id));
  store.transact([{ verb: "lock", key, session: "a", value: "1" }], delays);
  const lock = () => store.entry(key) ?? { modifyIndex: 0, lockIndex: 0, session: null, value: "" };
  return { store, delays, lock };
}

describe("LockIndex", () => {
  test("grows with a new acquisition, not with a renewal or a release", () => {
    const { store, delays, lock } = held();
    expect(lock().lockIndex).toBe(1);
    store.transact([{ verb: "lock", key, session: "a", value: "2" }], delays);
    store.transact([{ verb: "unlock", key, session: "a", value: "3" }], delays);
    expect(lock()).toMatchObject({ lockIndex: 1, session: null, value: "3" });
    store.transact([{ verb: "lock", key, session: "b", value: "4" }], delays);
    expect(lock()).toMatchObject({ lockIndex: 2, session: "b" });
  });

  test("begins anew with a key that was deleted", () => {
    const { store, delays, lock } = held();
    store.delete(key);
    store.transact([{ verb: "lock", key, session: "b", value: "1" }], delays);
    expect(lock().lockIndex).toBe(1);
  });
});

describe("a transaction", () => {
  test("unlocks another's lock and takes it, without a lock-delay, if the index is still that", () => {
    const { store, delays, lock } = held();
    const takeOver = (index: number) =>
      store.transact(
        [
          { verb: "check-index", key, index },
          { verb: "unlock", key, session: "a", value: "b" },
          { verb: "lock", key, session: "b", value: "b" },
        ],
        delays,
      );
    const before = store.read();
    expect(takeOver(lock().modifyIndex - 1).committed).toBe(false);
    expect(store.read()).toBe(before);
    expect(takeOver(lock().modifyIndex).committed).toBe(true);
    expect(lock()).toMatchObject({ session: "b", lockIndex: 2 });
  });

  test("with a session that is no more locks nothing", () => {
    const { store, delays, lock } = held();
    store.transact([{ verb: "unlock", key, session: "a", value: "" }], delays);
    store.endSession("b", delays);
    expect(store.transact([{ verb: "lock", key, session: "b", value: "" }], delays).committed).toBe(false);
    expect(lock().session).toBeNull();
  });
});

describe("the end of a session", () => {
  test("releases its lock and lets the key rest; a release by hand does not", () => {
    const { store, delays, lock } = held();
    const { modifyIndex } = lock();
    store.endSession("a", delays);
    expect(lock().session).toBeNull();
    expect(lock().modifyIndex).toBeGreaterThan(modifyIndex);
    expect(delays.isResting(key)).toBe(true);
    const released = held();
    released.store.transact([{ verb: "unlock", key, session: "a", value: "" }], released.delays);
    expect(released.delays.isResting(key)).toBe(false);
  });

  test("a key that rests is refused to everybody, its own session included", () => {
    const { store, delays } = held();
    delays.rest(key);
    const renewal = store.transact([{ verb: "lock", key, session: "a", value: "2" }], delays);
    expect(renewal).toEqual({ committed: false, because: 'failed to lock key "lock" due to lock delay' });
  });
});

test("a value that is the same moves no index", () => {
  const { store } = held();
  store.put("note", "x");
  const { prefixIndex } = store;
  store.put("note", "x");
  expect(store.prefixIndex).toBe(prefixIndex);
  store.put("note", "y");
  expect(store.prefixIndex).toBeGreaterThan(prefixIndex);
});

test("a foreign write keeps lock and session, and sets LockIndex back", () => {
  const { store, lock } = held();
  store.put(key, "foreign");
  expect(lock()).toMatchObject({ value: "foreign", session: "a", lockIndex: 0 });
});

test("a restored snapshot brings old sessions, locks and indexes back; new writes get new indexes", () => {
  const { store, delays, lock } = held();
  const snapshot = store.save();
  const old = lock();
  store.endSession("a", delays);
  store.put(key, "later");
  const later = lock();
  store.restore(snapshot);
  expect(lock()).toEqual(old);
  expect(store.session("a")).toBeDefined();
  expect(store.prefixIndex).toBeLessThan(later.modifyIndex);
  store.put(key, "after");
  expect(lock().modifyIndex).toBeGreaterThan(later.modifyIndex);
});

test("after a wipe there is nothing, and the indexes begin anew", () => {
  const { store, lock } = held();
  const { modifyIndex } = lock();
  store.wipe();
  expect(store.read().entries).toEqual([]);
  expect(store.prefixIndex).toBeLessThan(modifyIndex);
});
