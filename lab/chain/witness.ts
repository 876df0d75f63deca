/**
 * The independent observer: keeps what it saw, in order, in memory and in an append-only file, and
 * judges it on request. It knows nothing of leases, agents or Consul.
 */
import { createWriteStream } from "node:fs";
import type { Genesis } from "./genesis.ts";
import { makeReport, type Report } from "./report.ts";
import { slotStartMs } from "./schedule.ts";
import type { WitnessEvent } from "./witness-event.ts";

/** About a day of events at 600 ms; the file keeps all of them. */
const maxEvents = 300_000;

/** An event with its number since the chain's start; `GET /events?since=N` counts by it. */
export interface NumberedEvent {
  readonly seq: number;
  readonly event: WitnessEvent;
}

export interface Witness {
  record(event: WitnessEvent): void;
  /** Judges from `sinceHeight`, or from the last reset. */
  report(nowMs: number, sinceHeight?: number): Report;
  /** The next report begins at `fromHeight`. */
  reset(fromHeight: number): void;
  /** Events numbered `since` and above. */
  events(since: number): NumberedEvent[];
  /** Calls `listener` with every new event; returns how to stop that. */
  follow(listener: (event: NumberedEvent) => void): () => void;
  /** Resolves when all is in the file. */
  close(): Promise<void>;
}

/** A witness of the chain of `genesis` that appends to `file`; its first report begins at `fromHeight`. */
export function startWitness(genesis: Genesis, file: string, fromHeight: number): Witness {
  const log = createWriteStream(file, { flags: "a" });
  let kept: NumberedEvent[] = [];
  let nextSeq = 1;
  let reportFrom = fromHeight;
  let firstKept = fromHeight;
  const listeners = new Set<(event: NumberedEvent) => void>();

  return {
    record(event) {
      const numbered = { seq: nextSeq++, event };
      kept.push(numbered);
      log.write(`${JSON.stringify(event)}\n`);
      for (const listener of listeners) listener(numbered);
      if (kept.length <= maxEvents) return;
      kept = kept.slice(maxEvents / 10);
      firstKept = kept.flatMap((one) => (one.event.type === "slot" ? one.event.height + 1 : []))[0] ?? firstKept;
    },
    report(nowMs, sinceHeight) {
      const from = Math.max(sinceHeight ?? reportFrom, firstKept);
      const { account, slot_ms: slotMs } = genesis;
      const scope = { account, slotMs, fromHeight: from, fromMs: slotStartMs(genesis, from), nowMs };
      return makeReport(
        kept.map((one) => one.event),
        scope,
      );
    },
    reset(height) {
      reportFrom = height;
    },
    events: (since) => kept.filter((one) => one.seq >= since),
    follow(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => new Promise((resolve) => log.end(() => resolve())),
  };
}
