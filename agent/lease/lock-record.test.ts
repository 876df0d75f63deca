import { expect, test } from "vitest";
import { absentLock, cleanMarker, heardMsOf, lockViewFrom, maxHeardMs } from "./lock-record.ts";

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
const entry = (value: unknown, more: object = {}) => ({
  key: "k",
  value: JSON.stringify(value),
  modifyIndex: 9,
  lockIndex: 4,
  session: null,
  ...more,
});

test("no key is the absent lock", () => {
  expect(lockViewFrom(undefined)).toEqual(absentLock);
});

test("a marker counts on a free lock of its own epoch", () => {
  expect(cleanMarker(lockViewFrom(entry({ host: "host-a", seq: 1, released: marker })))).toEqual(marker);
});

test("a marker of an agent that counted no deaths has none", () => {
  const { deaths: _, ...older } = marker;
  expect(cleanMarker(lockViewFrom(entry({ host: "host-a", seq: 1, released: older })))).toMatchObject({ deaths: 0 });
});

test("a marker does not count while somebody holds the lock", () => {
  expect(cleanMarker(lockViewFrom(entry({ host: "host-a", seq: 1, released: marker }, { session: "s" })))).toBeNull();
});

test("a marker of another epoch does not count: it was copied from an older release", () => {
  expect(cleanMarker(lockViewFrom(entry({ host: "host-a", seq: 1, released: { ...marker, epoch: 3 } })))).toBeNull();
});

test("who holds says for how long it can be heard; what is free and in order gives nobody a lease", () => {
  const heard = (value: unknown, more: object = {}) => heardMsOf(lockViewFrom(entry(value, more)));
  expect(heard({ host: "host-a", seq: 1, heardMs: 6500 }, { session: "s" })).toBe(6500);
  // Its session has ended: it may still be heard.
  expect(heard({ host: "host-a", seq: 1, heardMs: 30_000 })).toBe(30_000);
  expect(heard({ host: "host-a", seq: 1, released: marker })).toBeNull();
  expect(heard({ host: "host-a", seq: 0 }, { lockIndex: 0 })).toBeNull();
  expect(heardMsOf(absentLock)).toBeNull();
});

test("a record that cannot be read, or does not say it, may have been written over the longest lease", () => {
  const held = { session: "s" };
  const unreadable = (value: string) => heardMsOf(lockViewFrom({ ...entry(null, held), value }));
  for (const value of ["", "somebody wrote this", '{"host":"host-a"}', '{"host":"host-a","seq":1,"heardMs":-1}'])
    expect(unreadable(value)).toBe(maxHeardMs);
  for (const value of [
    { host: "host-a", seq: 1 },
    { host: "host-a", seq: 1, released: marker },
  ])
    expect(heardMsOf(lockViewFrom(entry(value, held)))).toBe(maxHeardMs);
  // Free, and with a marker that does not count.
  const copied = { host: "host-a", seq: 1, released: { ...marker, epoch: 3 } };
  expect(heardMsOf(lockViewFrom(entry(copied)))).toBe(maxHeardMs);
});

test("a foreign value is no value, and no marker", () => {
  const view = lockViewFrom({ ...entry(null), value: "somebody wrote this" });
  expect(view.value).toBeNull();
  expect(cleanMarker(view)).toBeNull();
});
