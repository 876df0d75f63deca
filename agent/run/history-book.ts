/**
 * The history of take-overs in Consul, read by the page and kept short.
 *
 * Think of a guest book: one looks at its last pages, and the landlord tears out the first ones when it gets too thick.
 * Each entry has a key of its own, named by its epoch, and names are short: so the names are listed, and only the page
 * that is wanted is read.
 * Awkward case: a book of before there was a landlord. A listing that is too long for the agent is not read to its end;
 * it is asked for by first digits instead, the wanted end first, so no number of entries costs more memory than a page.
 */
import { readShape, understood } from "../../contract/wire/format.ts";
import { type HistoryEntry, historyEntryShape } from "../../contract/wire/history.ts";
import type { Clock } from "../../host/system/clock.ts";

/** The newest so many stay. Some hundred bytes each; years of take-overs. */
export const keptEntries = 1000;
/** Of one page at most, whatever is asked for. */
export const longestPage = 200;

/** Entries that are read at the same time. */
const atOnce = 10;
/** Between two deletions: each is a write of Consul's, beside which the lease is renewed. */
const deletePauseMs = 20;

/** Consul, as far as the history concerns it. */
export interface Book {
  /** Names of all keys that begin so; null: too many for one answer. */
  names(prefix: string): Promise<readonly string[] | null>;
  /** Null: it is gone by now. */
  read(key: string): Promise<string | null>;
  delete(key: string): Promise<void>;
}

export interface Page {
  /** At most so many entries. */
  readonly limit: number;
  /** Only from before this epoch. */
  readonly before?: number | undefined;
}

/** Keys in the order of their epochs, some at a time. */
async function* keysFrom(book: Book, root: string, end: "newest" | "oldest", digits = ""): AsyncGenerator<string[]> {
  const names = await book.names(root + digits);
  if (names !== null) {
    const sorted = names.filter((name) => /^\d{10}$/.test(name.slice(root.length))).toSorted();
    yield end === "oldest" ? sorted : sorted.toReversed();
    return;
  }
  const order = "0123456789";
  for (const digit of end === "oldest" ? order : [...order].toReversed())
    yield* keysFrom(book, root, end, digits + digit);
}

/** The newest `limit` keys below `before`, the newest first. */
async function newestKeys(
  book: Book,
  root: string,
  limit: number,
  before = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const found: string[] = [];
  for await (const keys of keysFrom(book, root, "newest")) {
    found.push(...keys.filter((key) => Number(key.slice(root.length)) < before));
    if (found.length >= limit) break;
  }
  return found.slice(0, limit);
}

/** @returns the page, newest last. @param root what comes before the epochs in the keys */
export async function readPage(book: Book, root: string, { limit, before }: Page): Promise<HistoryEntry[]> {
  const keys = await newestKeys(book, root, Math.min(limit, longestPage), before);
  const entries: HistoryEntry[] = [];
  for (let at = 0; at < keys.length; at += atOnce) {
    const texts = await Promise.all(keys.slice(at, at + atOnce).map((key) => book.read(key)));
    entries.push(...texts.flatMap((text) => entryFrom(text) ?? []));
  }
  return entries.toSorted((a, b) => a.epoch - b.epoch);
}

function entryFrom(text: string | null): HistoryEntry | undefined {
  return text === null ? undefined : (understood(readShape(historyEntryShape, text)) ?? undefined);
}

/**
 * Deletes all but the newest `keptEntries`, one by one, the oldest first; what is left when it is cut short goes the next time.
 * @param goesOn asked before each deletion: the holder alone does this
 * @returns how many went
 */
export async function pruneHistory(
  book: Book,
  root: string,
  goesOn: () => boolean,
  clock: Pick<Clock, "sleep">,
): Promise<number> {
  const kept = await newestKeys(book, root, keptEntries + 1);
  const oldest = kept[keptEntries - 1];
  if (oldest === undefined || kept.length <= keptEntries) return 0;
  let gone = 0;
  for await (const keys of keysFrom(book, root, "oldest"))
    for (const key of keys) {
      if (key >= oldest || !goesOn()) return gone;
      await book.delete(key);
      gone += 1;
      await clock.sleep(deletePauseMs);
    }
  return gone;
}
