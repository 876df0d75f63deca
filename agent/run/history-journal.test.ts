import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { consulKeys } from "../../contract/topology.ts";
import type { HistoryEntry } from "../../contract/wire/history.ts";
import { HistoryJournal, journalFile, longestRetryMs, mostKept } from "./history-journal.ts";

const keyOf = consulKeys("localnet", "validator.localnet").history;
const directory = mkdtempSync(join(tmpdir(), "holdfast-journal-"));
const path = join(directory, "history.json");
afterEach(() => rmSync(path, { force: true }));

const entry = (epoch: number, because = "host-a was not seen renewing"): HistoryEntry => ({
  epoch,
  host: "host-b",
  from: "host-a",
  kind: "failover",
  because,
  at: "2026-01-31T09:00:00.000Z",
  tookMs: 400,
  keyMs: 450,
  firstMs: null,
  firstBlockMs: null,
  fenced: null,
});

/** Consul and the clock of a journal; a sleep lasts until the test ends it, or news come. */
function office() {
  const written: [string, HistoryEntry][] = [];
  const slept: number[] = [];
  const state = { isOpen: true, isMute: false };
  let wake: () => void = () => {};
  const put = async (key: string, value: string) => {
    if (!state.isOpen) throw new Error("Consul does not answer");
    written.push([key, JSON.parse(value)]);
    // It has it, but the answer is lost.
    if (state.isMute) throw new Error("Consul did not answer in time");
    return true;
  };
  const options = {
    servers: { use: async (request: (consul: unknown) => unknown) => await request({ put }) } as never,
    keyOf,
    clock: {
      sleep: async (ms: number, signal?: AbortSignal) => {
        slept.push(ms);
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal?.addEventListener("abort", () => resolve());
        });
      },
    },
    file: journalFile(path),
    log: { warn: () => {} },
  };
  const settle = async () => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  /** The journal's own wait is over. */
  const retry = async () => {
    wake();
    await settle();
  };
  return { written, slept, state, settle, retry, begin: () => new HistoryJournal(options) };
}

const epochs = (written: [string, HistoryEntry][]) => written.map(([, { epoch }]) => epoch);

test("an entry is written once, under its epoch's key", async () => {
  const { begin, written, settle } = office();
  const journal = begin();
  journal.add(entry(5));
  await settle();
  expect(written).toEqual([[keyOf(5), { format: 1, ...entry(5) }]]);
  expect(journal.waiting).toEqual([]);
});

test("what could not be written is tried ever less often, and written when Consul is back, by epoch", async () => {
  const { begin, written, slept, state, settle, retry } = office();
  const journal = begin();
  state.isOpen = false;
  journal.add(entry(7));
  await settle();
  for (let i = 0; i < 7; i++) await retry();
  expect(slept).toEqual([1000, 2000, 4000, 8000, 16_000, longestRetryMs, longestRetryMs, longestRetryMs]);
  journal.add(entry(6));
  await settle();
  expect(journal.waiting.map(({ epoch }) => epoch)).toEqual([6, 7]);
  state.isOpen = true;
  await retry();
  expect(epochs(written)).toEqual([6, 7]);
  expect(journal.waiting).toEqual([]);
  await retry();
  expect(epochs(written)).toEqual([6, 7]);
});

test("a new entry does not wait for the last one's next try", async () => {
  const { begin, written, state, settle } = office();
  const journal = begin();
  state.isOpen = false;
  journal.add(entry(5));
  await settle();
  state.isOpen = true;
  journal.add(entry(6));
  await settle();
  expect(epochs(written)).toEqual([5, 6]);
});

test("handed in again because no answer came, it is the same entry at the same place", async () => {
  const { begin, written, state, settle, retry } = office();
  const journal = begin();
  state.isMute = true;
  journal.add(entry(5));
  await settle();
  state.isMute = false;
  await retry();
  expect(written).toEqual([
    [keyOf(5), { format: 1, ...entry(5) }],
    [keyOf(5), { format: 1, ...entry(5) }],
  ]);
  expect(journal.waiting).toEqual([]);
});

test("an agent that is started again goes on with it; then nothing is left to write", async () => {
  const { begin, written, state, settle } = office();
  state.isOpen = false;
  begin().add(entry(5));
  await settle();
  state.isOpen = true;
  begin();
  await settle();
  expect(epochs(written)).toEqual([5]);
  begin();
  await settle();
  expect(epochs(written)).toEqual([5]);
});

test("the newest are kept, and of one epoch what was said last", async () => {
  const { begin, state, settle } = office();
  state.isOpen = false;
  const journal = begin();
  for (let epoch = 1; epoch <= mostKept + 5; epoch++) journal.add(entry(epoch));
  journal.add(entry(mostKept + 5, "said again"));
  await settle();
  expect(journal.waiting).toHaveLength(mostKept);
  expect(journal.waiting[0]?.epoch).toBe(6);
  expect(journal.waiting.at(-1)?.because).toBe("said again");
});

test("a replaced entry that was on its way is written again as it is now", async () => {
  const { begin, written, settle } = office();
  const journal = begin();
  journal.add(entry(5));
  journal.add(entry(5, "said again"));
  await settle();
  expect(written.at(-1)?.[1].because).toBe("said again");
  expect(journal.waiting).toEqual([]);
});

test("a file that is broken or cannot be written costs nothing but the memory over a restart", async () => {
  const { begin, written, settle } = office();
  writeFileSync(path, "{ broken");
  const journal = begin();
  rmSync(directory, { recursive: true });
  journal.add(entry(5));
  await settle();
  expect(epochs(written)).toEqual([5]);
});
