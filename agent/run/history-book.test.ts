import { expect, test } from "vitest";
import { consulKeys } from "../../contract/topology.ts";
import type { HistoryEntry } from "../../contract/wire/history.ts";
import { type Book, keptEntries, longestPage, pruneHistory, readPage } from "./history-book.ts";

const keys = consulKeys("localnet", "validator.localnet");
const root = keys.historyPrefix;

const entry = (epoch: number): HistoryEntry => ({
  epoch,
  host: "host-b",
  from: "host-a",
  kind: "failover",
  because: "host-a was not seen renewing",
  at: "2026-01-31T09:00:00.000Z",
  tookMs: 400,
  keyMs: 450,
  firstMs: null,
  firstBlockMs: null,
  fenced: null,
});

/** A book in memory whose listings have `mostNames` names at most. What was asked of it is counted. */
function bookOf(epochs: readonly number[], mostNames = 3000) {
  const values = new Map(epochs.map((epoch) => [keys.history(epoch), JSON.stringify(entry(epoch))]));
  const asked = { longest: 0, listings: 0, reads: 0 };
  const book: Book = {
    names: async (prefix) => {
      const names = [...values.keys()].filter((key) => key.startsWith(prefix));
      asked.listings += 1;
      if (names.length > mostNames) return null;
      asked.longest = Math.max(asked.longest, names.length);
      return names;
    },
    read: async (key) => {
      asked.reads += 1;
      return values.get(key) ?? null;
    },
    delete: async (key) => void values.delete(key),
  };
  return { book, asked, values };
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);
const epochsOf = (entries: readonly HistoryEntry[]) => entries.map(({ epoch }) => epoch);
const clock = { sleep: async () => {} };

test("a page is the newest entries, newest last, and no others are read", async () => {
  const { book, asked } = bookOf(upTo(50));
  expect(epochsOf(await readPage(book, root, { limit: 3 }))).toEqual([48, 49, 50]);
  expect(asked.reads).toBe(3);
});

test("page after page is the whole book", async () => {
  const { book } = bookOf([2, 3, 5, 8, 13, 21, 34]);
  expect(epochsOf(await readPage(book, root, { limit: 3, before: 21 }))).toEqual([5, 8, 13]);
  expect(epochsOf(await readPage(book, root, { limit: 3, before: 5 }))).toEqual([2, 3]);
  expect(await readPage(book, root, { limit: 3, before: 2 })).toEqual([]);
});

test("no page is longer than the longest", async () =>
  expect(await readPage(bookOf(upTo(1000)).book, root, { limit: 100_000 })).toHaveLength(longestPage));

test("of 30,000 entries no listing is read that is too long, at either end", async () => {
  const { book, asked, values } = bookOf(upTo(30_000));
  expect(epochsOf(await readPage(book, root, { limit: 2 }))).toEqual([29_999, 30_000]);
  expect(epochsOf(await readPage(book, root, { limit: 2, before: 17 }))).toEqual([15, 16]);
  expect(await pruneHistory(book, root, () => true, clock)).toBe(29_000);
  expect(asked.longest).toBeLessThanOrEqual(3000);
  expect([...values.keys()].toSorted()[0]).toBe(keys.history(29_001));
  expect(values.size).toBe(keptEntries);
});

test("what is not too long is left alone", async () => {
  const { book, values, asked } = bookOf(upTo(keptEntries));
  expect(await pruneHistory(book, root, () => true, clock)).toBe(0);
  expect(values.size).toBe(keptEntries);
  expect(asked.listings).toBe(1);
});

test("a host that is no longer the holder stops", async () => {
  const { book, values } = bookOf(upTo(keptEntries + 50));
  let left = 20;
  expect(await pruneHistory(book, root, () => left-- > 0, clock)).toBe(20);
  expect(values.size).toBe(keptEntries + 30);
});

test("what is no entry is neither shown nor deleted", async () => {
  const { book, values } = bookOf(upTo(keptEntries + 1));
  values.set(`${root}note`, "by hand");
  values.set(keys.history(keptEntries + 1), "no JSON");
  expect(epochsOf(await readPage(book, root, { limit: 2 }))).toEqual([keptEntries]);
  await pruneHistory(book, root, () => true, clock);
  expect(values.has(`${root}note`)).toBe(true);
});
