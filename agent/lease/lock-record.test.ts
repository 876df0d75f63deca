import { expect, test } from "vitest";
import { absentLock, cleanMarker, lockViewFrom } from "./lock-record.ts";

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

test("a foreign value is no value, and no marker", () => {
  const view = lockViewFrom({ ...entry(null), value: "somebody wrote this" });
  expect(view.value).toBeNull();
  expect(cleanMarker(view)).toBeNull();
});
