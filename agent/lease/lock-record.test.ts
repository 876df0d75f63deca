import { expect, test } from "vitest";
import { generateValidatorKey } from "../../contract/near-key.ts";
import { longestHeardMs } from "../../contract/timing.ts";
import { type LockRecord, lockValueSchema } from "../../contract/wire/lock-record.ts";
import { absentLock, cleanMarker, heardMsOf, type LockView, lockValueText, lockViewFrom } from "./lock-record.ts";
import { sealerFrom } from "./seal.ts";

const lockKey = "holdfast/localnet/validator.localnet/lock";
const key = generateValidatorKey("validator.localnet");
const sealer = sealerFrom([key], lockKey);

const marker = {
  by: "host-a",
  session: "session-a",
  to: "host-b",
  epoch: 4,
  switchover: null,
  because: "switchover from host-a",
  height: 90,
  deaths: 1,
};
const record: LockRecord = { host: "host-a", session: "session-a", epoch: 4, seq: 7, heardMs: 6500 };
const release: LockRecord = { host: "host-a", session: "session-a", epoch: 4, seq: 8, released: marker };
const entry = (value: string, more: object = {}) => ({
  key: lockKey,
  value,
  modifyIndex: 9,
  lockIndex: 4,
  session: null,
  ...more,
});
const seen = (value: string, more: object = {}): LockView => lockViewFrom(entry(value, more), sealer);
const held = { session: "session-a" };

test("no key is the absent lock", () => {
  expect(lockViewFrom(undefined, sealer)).toEqual(absentLock);
});

test("a record is right under the session and the epoch that it was sealed for, and after that session was lost", () => {
  expect(seen(lockValueText(record, sealer), held)).toMatchObject({ seal: "right", value: { heardMs: 6500 } });
  expect(seen(lockValueText(record, sealer)).seal).toBe("right");
});

test.for([
  ["another session's lock", { session: "session-b" }],
  ["a later epoch", { ...held, lockIndex: 5 }],
  ["the epoch that a plain write leaves", { ...held, lockIndex: 0 }],
] as const)("put back under %s it is misplaced", ([, more]) => {
  expect(seen(lockValueText(record, sealer), more).seal).toBe("misplaced");
});

test.for([
  ["a record", record],
  ["a marker", release],
] as const)(
  "%s of a newer release says nothing to us: it stands for the longest, and is not taken for a foreign one",
  ([, one]) => {
    const text = JSON.stringify({ ...JSON.parse(lockValueText(one, sealer)), format: 2 });
    const lock = seen(text, one === record ? held : {});
    expect(lock).toMatchObject({ seal: "newer", value: null });
    expect(heardMsOf(lock)).toBe(longestHeardMs);
    expect(cleanMarker(lock)).toBeNull();
  },
);

test("whatever a reader acts on is sealed: not a byte of it can be another", () => {
  const text = lockValueText(release, sealer);
  const value = JSON.parse(text);
  const others: object[] = [
    { host: "host-b" },
    { session: "session-b" },
    { epoch: 5 },
    { seq: 9 },
    { heardMs: 0 },
    { released: undefined },
    ...Object.entries({
      by: "x",
      session: "x",
      to: null,
      epoch: 5,
      switchover: "x",
      because: "",
      height: 1,
      deaths: 0,
    }).map(([field, other]) => ({ released: { ...marker, [field]: other } })),
  ];
  const longer = JSON.parse(lockValueText(record, sealer));
  expect(seen(JSON.stringify({ ...longer, heardMs: 100 }), held).seal).toBe("wrong");
  expect(seen(text).seal).toBe("right");
  for (const other of others) expect(seen(JSON.stringify({ ...value, ...other })).seal).toBe("wrong");
});

test("a seal is worth nothing for another lock, nor under another key; fields that are new to a reader do no harm", () => {
  const elsewhere = sealerFrom([key], "holdfast/testnet/validator.localnet/lock");
  const stranger = sealerFrom([generateValidatorKey("validator.localnet")], lockKey);
  for (const other of [elsewhere, stranger]) expect(seen(lockValueText(record, other), held).seal).toBe("wrong");
  for (const seal of [[], [""], ["AAAA"], ["x".repeat(44)]])
    expect(seen(JSON.stringify({ ...record, seal }), held).seal).toBe("wrong");
  expect(seen(JSON.stringify({ ...JSON.parse(lockValueText(record, sealer)), later: 1 }), held).seal).toBe("right");
});

test("what an agent of before the seals wrote has none; what is no record is a foreign hand's", () => {
  expect(seen(JSON.stringify({ host: "host-a", seq: 7, heardMs: 6500 }), held)).toMatchObject({
    seal: "missing",
    value: { host: "host-a", heardMs: 6500 },
  });
  for (const text of ["", "{}", "somebody wrote this", '{"host":"host-a","seq":1,"seal":["AAAA"]}'])
    expect(seen(text).seal).toBe("wrong");
});

test("an agent of before the seals reads the new records: it knows all that it asks for, and ignores the rest", () => {
  // Its schema was this one, without what the seals brought.
  const older = lockValueSchema.omit({ session: true, epoch: true, seal: true });
  for (const one of [record, release])
    expect(older.parse(JSON.parse(lockValueText(one, sealer)))).toMatchObject({ host: one.host, seq: one.seq });
});

test("a host without a key seals nothing, and cannot tell who wrote", () => {
  const none = sealerFrom([], lockKey);
  expect(lockViewFrom(entry(lockValueText(record, sealer), held), none).seal).toBe("unchecked");
  expect(seen(lockValueText(record, none), held).seal).toBe("missing");
});

test("a marker counts on a free lock of its own epoch", () => {
  expect(cleanMarker(seen(lockValueText(release, sealer)))).toEqual(marker);
});

test("a marker of an agent that counted no deaths has none", () => {
  const { deaths: _, ...older } = marker;
  const text = JSON.stringify({ host: "host-a", seq: 1, released: older });
  expect(cleanMarker(seen(text))).toMatchObject({ deaths: 0 });
});

test("a marker does not count while somebody holds the lock", () => {
  expect(cleanMarker(seen(lockValueText(release, sealer), held))).toBeNull();
});

test("a marker of another epoch does not count: it was copied from an older release", () => {
  const text = JSON.stringify({ host: "host-a", seq: 1, released: { ...marker, epoch: 3 } });
  expect(cleanMarker(seen(text))).toBeNull();
});

test("a marker that nobody of ours sealed, or that was put back, does not count", () => {
  const forged = JSON.stringify({ ...JSON.parse(lockValueText(record, sealer)), released: marker });
  expect(cleanMarker(seen(forged))).toBeNull();
  expect(cleanMarker(seen(lockValueText(release, sealer), { lockIndex: 6 }))).toBeNull();
  expect(cleanMarker(lockViewFrom(entry(lockValueText(release, sealer)), sealerFrom([], lockKey)))).toBeNull();
});

test("who holds says for how long it can be heard; what is free and in order gives nobody a lease", () => {
  const heard = (value: unknown, more: object = {}) => heardMsOf(seen(JSON.stringify(value), more));
  expect(heard({ host: "host-a", seq: 1, heardMs: 6500 }, { session: "s" })).toBe(6500);
  // Its session has ended: it may still be heard.
  expect(heard({ host: "host-a", seq: 1, heardMs: 30_000 })).toBe(30_000);
  expect(heard({ host: "host-a", seq: 1, released: marker })).toBeNull();
  expect(heard({ host: "host-a", seq: 0 }, { lockIndex: 0 })).toBeNull();
  expect(heardMsOf(absentLock)).toBeNull();
});

test("a record that cannot be read, or does not say it, may have been written over the longest lease", () => {
  const unreadable = (value: string) => heardMsOf(seen(value, held));
  for (const value of ["", "somebody wrote this", '{"host":"host-a"}', '{"host":"host-a","seq":1,"heardMs":-1}'])
    expect(unreadable(value)).toBe(longestHeardMs);
  for (const value of [
    { host: "host-a", seq: 1 },
    { host: "host-a", seq: 1, released: marker },
  ])
    expect(heardMsOf(seen(JSON.stringify(value), held))).toBe(longestHeardMs);
  // Free, and with a marker that does not count.
  const copied = { host: "host-a", seq: 1, released: { ...marker, epoch: 3 } };
  expect(heardMsOf(seen(JSON.stringify(copied)))).toBe(longestHeardMs);
});

test("a foreign value is no value, and no marker", () => {
  const view = seen("somebody wrote this");
  expect(view.value).toBeNull();
  expect(cleanMarker(view)).toBeNull();
});
