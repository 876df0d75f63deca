import { describe, expect, test } from "vitest";
import { defaultTiming } from "../../contract/timing.ts";
import { consulKeys } from "../../contract/topology.ts";
import type { TxnOperation, TxnOutcome } from "../../host/consul/client.ts";
import { ConsulRefused, ConsulUnknown } from "../../host/consul/errors.ts";
import type { LockView } from "../lease/lock-record.ts";
import type { Effect, Event } from "../role/types.ts";
import { Executor, type Partners } from "./executor.ts";

const keys = consulKeys("localnet", "validator.localnet");
const key = keys.lock;
const entry = { key, value: "", modifyIndex: 90, lockIndex: 5, session: "session-b" };
const committed: TxnOutcome = { committed: true, entries: [entry, entry] };

/** An edge whose partners write down what they are asked; each question to Consul takes 300 ms. */
function edge(
  answer: () => TxnOutcome | Promise<TxnOutcome> = () => committed,
  erase: () => string = () => "erase",
  save: () => void = () => {},
  write: () => void = () => {},
) {
  const deeds: string[] = [];
  const transactions: (readonly TxnOperation[])[] = [];
  const events: Event[] = [];
  let nowMs = 1000;
  const consul = {
    transact: async (operations: readonly TxnOperation[]) => {
      transactions.push(operations);
      nowMs += 300;
      return await answer();
    },
    put: async (at: string, _value: string, { cas }: { cas?: number } = {}) => {
      write();
      deeds.push(`put ${at} cas ${cas}`);
    },
    destroySession: async (session: string) => void deeds.push(`destroy ${session}`),
  };
  const later = async (deed: string) => {
    await new Promise((resolve) => setImmediate(resolve));
    deeds.push(deed);
  };
  const partners = {
    config: { host: "host-b", account: "validator.localnet", lease: { ...defaultTiming, stopMs: 100 } },
    keys,
    clock: { bootMs: () => nowMs, wallMs: () => nowMs, sleep: async () => {} },
    servers: { use: async (request: (client: typeof consul) => unknown) => await request(consul) },
    fence: { arm: () => later("arm"), shut: () => later("shut"), disarm: () => later("disarm") },
    neard: { reload: () => later("reload"), kill: () => later("kill"), start: () => later("start") },
    custody: {
      write: (key: string) => deeds.push(`write ${key}`),
      erase: () => deeds.push(erase()),
      sealer: { canTell: true, seal: () => ["sealed"], isRight: () => true },
    },
    roll: { written: (text: string) => text },
    doubtFile: { save },
    leaseFile: { forget: () => deeds.push("forget lease") },
    log: { warn: () => {} },
  };
  const executor = new Executor(
    partners as unknown as Partners,
    (event) => {
      events.push(event);
      deeds.push(event.is);
    },
    () => {},
  );
  /** Carries out one effect to its end. */
  const done = async (effect: Effect) => {
    executor.start(effect);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { deeds, transactions, events, done };
}

const seen: LockView = {
  modifyIndex: 70,
  lockIndex: 4,
  session: "session-a",
  value: { host: "host-a", seq: 1 },
  seal: "right",
};
const takeOver = (lock: LockView, unlessPaused = false): Effect => ({
  do: "take-over",
  serial: 3,
  session: "session-b",
  lock,
  unlessPaused,
});
const renew = { do: "renew", session: "session-b", epoch: 5, seq: 8, heardMs: 6600 } as const;
const marker = {
  by: "host-b",
  session: "session-b",
  to: "host-a",
  epoch: 5,
  switchover: "s1",
  because: "switchover from host-b",
  height: 90,
  deaths: 0,
};
const release: Effect = { do: "release", serial: 4, session: "session-b", seq: 9, marker };

/** What each record of this host names as its place. */
const place = { format: 1, host: "host-b", session: "session-b", epoch: 5 };

/** What the last operation of each transaction writes. */
const written = (transactions: (readonly TxnOperation[])[]) =>
  transactions.map((operations) => {
    const last = operations.at(-1);
    return last !== undefined && "value" in last ? JSON.parse(last.value) : null;
  });

test("whether a doubt was written down is told, for the core writes it again until it is", async () => {
  let isFull = true;
  const { events, done } = edge(undefined, undefined, () => {
    if (isFull) throw new Error("no space left on device");
  });
  await done({ do: "note-doubt", isDoubted: true });
  isFull = false;
  await done({ do: "note-doubt", isDoubted: true });
  expect(events).toEqual([
    { is: "doubt-noted", isDoubted: true, fault: "no space left on device" },
    { is: "doubt-noted", isDoubted: true, fault: null },
  ]);
});

test("that a note was not written is told: somebody may wait for what it says", async () => {
  const { events, done } = edge();
  await done({ do: "publish", text: "{}" });
  expect(events).toEqual([]);
  const lost = edge(undefined, undefined, undefined, () => {
    throw new ConsulUnknown("no answer");
  });
  await lost.done({ do: "publish", text: "{}" });
  expect(lost.events).toEqual([{ is: "unpublished" }]);
});

describe("a take-over", () => {
  test("is one transaction: the index that was seen, then unlock the holder, then lock", async () => {
    const { transactions, events, done } = edge();
    await done(takeOver(seen));
    expect(transactions).toMatchObject([
      [
        { verb: "check-index", key, index: 70 },
        { verb: "unlock", key, session: "session-a" },
        { verb: "lock", key, session: "session-b" },
      ],
    ]);
    expect(events).toEqual([{ is: "took-over", serial: 3, sentMs: 1000, lockIndex: 5 }]);
  });

  test("says for how long it lets its host be heard", async () => {
    const { transactions, done } = edge();
    await done(takeOver(seen));
    expect(written(transactions)).toEqual([
      { ...place, seq: 0, heardMs: defaultTiming.leaseMs + 100, seal: ["sealed"] },
    ]);
  });

  test("under another epoch than its record names is none: others would not believe what it says", async () => {
    const other = edge(() => ({ committed: true, entries: [{ ...entry, lockIndex: 9 }] }));
    await other.done(takeOver(seen));
    expect(other.events).toMatchObject([{ is: "failed", serial: 3, certain: false }]);
  });

  test("is never of a lock that does not exist: that one is made first, unlocked", async () => {
    const { deeds, done } = edge();
    await done({ do: "create-lock" });
    expect(deeds).toEqual([`put ${key} cas 0`]);
  });

  test("by itself does not happen in a cluster that is being paused: the transaction looks, not the agent alone", async () => {
    const { transactions, done } = edge();
    await done(takeOver(seen, true));
    expect(transactions[0]?.[1]).toEqual({ verb: "check-not-exists", key: keys.pause });
  });

  test("that Consul refuses certainly did not happen; one that it did not answer may have", async () => {
    const refused = edge(() => ({ committed: false, because: "index" }));
    await refused.done(takeOver(seen));
    expect(refused.events).toMatchObject([{ is: "failed", serial: 3, certain: true }]);
    const silent = edge(() => Promise.reject(new ConsulUnknown("timeout")));
    await silent.done(takeOver(seen));
    expect(silent.events).toMatchObject([{ is: "failed", serial: 3, certain: false }]);
  });
});

describe("a renewal", () => {
  test("proves that its session has the lock before it writes, and counts from its sending", async () => {
    const { transactions, events, done } = edge();
    await done(renew);
    expect(transactions).toMatchObject([
      [
        { verb: "check-session", key, session: "session-b" },
        { verb: "lock", key, session: "session-b" },
      ],
    ]);
    expect(events).toEqual([{ is: "renewed", session: "session-b", sentMs: 1000, lockIndex: 5 }]);
  });

  test("writes another value each time, so that each moves the index", async () => {
    const { transactions, done } = edge();
    await done(renew);
    await done({ ...renew, seq: 9 });
    expect(written(transactions)).toEqual([
      { ...place, seq: 8, heardMs: 6600, seal: ["sealed"] },
      { ...place, seq: 9, heardMs: 6600, seal: ["sealed"] },
    ]);
  });

  test("that meets a lock-delay has lost nothing: Consul looks for that before it looks whose session asks", async () => {
    const delayed = edge(() => ({ committed: false, because: `failed to lock key "${key}" due to lock delay` }));
    await delayed.done(renew);
    expect(delayed.events).toEqual([]);
  });

  test("that is refused is told; one that is not answered is silence", async () => {
    const refused = edge(() => ({ committed: false, because: "another session" }));
    await refused.done(renew);
    expect(refused.events).toEqual([{ is: "renew-refused", session: "session-b", because: "another session" }]);
    const silent = edge(() => Promise.reject(new ConsulUnknown("timeout")));
    await silent.done(renew);
    expect(silent.events).toEqual([]);
  });
});

describe("a release", () => {
  test("unlocks what is ours, and leaves the marker; the session goes after it", async () => {
    const { transactions, deeds, done } = edge();
    await done(release);
    const [operations] = transactions;
    expect(operations).toMatchObject([
      { verb: "check-session", key, session: "session-b" },
      { verb: "unlock", key, session: "session-b" },
    ]);
    const last = operations?.at(-1);
    expect(JSON.parse(last !== undefined && "value" in last ? last.value : "")).toEqual({
      ...place,
      seq: 9,
      released: marker,
      seal: ["sealed"],
    });
    expect(deeds).toEqual(["forget lease", "done", "destroy session-b"]);
  });

  test("is asked for only once no agent that starts here could go on with the lease, and open the fence again", async () => {
    let before: string[] = [];
    const { deeds, done } = edge(() => {
      before = [...deeds];
      return committed;
    });
    await done(release);
    expect(before).toEqual(["forget lease"]);
  });

  test.for([
    ["refused: it certainly did not happen", () => Promise.reject(new ConsulRefused(409, "not ours")), true],
    ["not committed: it certainly did not happen", () => ({ committed: false, because: "not ours" }) as const, true],
    ["not answered: it may have happened", () => Promise.reject(new ConsulUnknown("timeout")), false],
  ] as const)("is %s", async ([, answer, certain]) => {
    const { events, done } = edge(answer);
    await done(release);
    expect(events).toMatchObject([{ is: "failed", serial: 4, certain }]);
  });
});

test("neard is killed although its key cannot be erased, but that proves nothing", async () => {
  const { deeds, done } = edge(undefined, () => {
    throw new Error("a read-only file system");
  });
  await done({ do: "kill-neard", serial: 1 });
  expect(deeds).toEqual(["kill", "failed"]);
});

test.for([
  [{ do: "load-key", serial: 1, key: "ed25519:new" }, ["write ed25519:new", "reload", "done"]],
  [{ do: "unload-key", serial: 1 }, ["erase", "reload", "done"]],
  [{ do: "kill-neard", serial: 1 }, ["erase", "kill", "done"]],
  [{ do: "erase-key", serial: 1 }, ["erase", "done"]],
  [{ do: "arm", serial: 1, epoch: 5 }, ["arm", "done"]],
  [{ do: "shut", serial: 1, epoch: 5 }, ["shut", "done"]],
  [{ do: "disarm", serial: 1 }, ["disarm", "done"]],
] as const satisfies [Effect, string[]][])("%o is done when it is done", async ([effect, expected]) => {
  const { deeds, done } = edge();
  await done(effect);
  expect(deeds).toEqual(expected);
});

test("that neard does not answer about the account is said once, and again after it has", async () => {
  const warned: string[] = [];
  const events: Event[] = [];
  let sight: object | null = null;
  const partners = {
    config: { account: "validator.localnet" },
    neard: { accountSight: async () => sight ?? Promise.reject(new Error("no answer")) },
    log: { warn: (_: object, text: string) => warned.push(text) },
  };
  const executor = new Executor(
    partners as unknown as Partners,
    (event) => events.push(event),
    () => {},
  );
  const ask = async () => {
    executor.start({ do: "ask-account" });
    await new Promise((resolve) => setImmediate(resolve));
  };
  await ask();
  await ask();
  expect(warned).toEqual(["no answer"]);
  sight = {};
  await ask();
  expect(events).toEqual([{ is: "account-seen", sight: {} }]);
  sight = null;
  await ask();
  expect(warned).toHaveLength(2);
});
