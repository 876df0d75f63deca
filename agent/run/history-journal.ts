/**
 * The take-overs of this host that Consul does not have in its history yet.
 *
 * Think of a clerk whose office is closed: the letter waits in the bag, and is handed in when somebody opens. A
 * take-over often comes just when Consul has other worries, and nobody would ever see it in the history otherwise. Each
 * entry has a key of its own in Consul (its epoch), so handing it in again, because no answer came, makes no second one.
 * The bag is a file beside the lease: it outlives the agent, not the power. Not promised: more than `mostKept` entries.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Logger } from "pino";
import * as z from "zod";
import type { consulKeys } from "../../contract/topology.ts";
import { readData, stamped, textOf, understood } from "../../contract/wire/format.ts";
import { type HistoryEntry, historyEntryShape } from "../../contract/wire/history.ts";
import type { ConsulServers, LeaseConsul } from "../../host/consul/servers.ts";
import type { Clock } from "../../host/system/clock.ts";

/** The oldest go first when there are more: a host that takes over so often without Consul's history has other news. */
export const mostKept = 50;
const firstRetryMs = 1000;
/** A Consul that comes back has the entry within this. */
export const longestRetryMs = 30_000;

/** Where what waits is kept over an agent's restart. */
export interface JournalFile {
  /** Empty where there is nothing that can be read. */
  load(): HistoryEntry[];
  /** @throws Error when it cannot be kept; it is written to Consul all the same */
  save(entries: readonly HistoryEntry[]): void;
}

export class HistoryJournal {
  readonly #servers: ConsulServers<Pick<LeaseConsul, "put">>;
  readonly #keyOf: ReturnType<typeof consulKeys>["history"];
  readonly #clock: Pick<Clock, "sleep">;
  readonly #file: JournalFile;
  readonly #log: Pick<Logger, "warn">;
  #waiting: readonly HistoryEntry[];
  #isWriting = false;
  /** Aborted when there is something new: it need not wait for the last one's next try. */
  #news = new AbortController();

  /** Begins at once with what an earlier agent left. */
  constructor(options: {
    servers: ConsulServers<Pick<LeaseConsul, "put">>;
    keyOf: ReturnType<typeof consulKeys>["history"];
    clock: Pick<Clock, "sleep">;
    file: JournalFile;
    log: Pick<Logger, "warn">;
  }) {
    this.#servers = options.servers;
    this.#keyOf = options.keyOf;
    this.#clock = options.clock;
    this.#file = options.file;
    this.#log = options.log;
    this.#waiting = options.file.load();
    void this.#writeAll();
  }

  /** What Consul is not known to have, by epoch. */
  get waiting(): readonly HistoryEntry[] {
    return this.#waiting;
  }

  /** Writes the entry as soon as that is possible; one of the same epoch that still waits is replaced. Never throws. */
  add(entry: HistoryEntry): void {
    const others = this.#waiting.filter(({ epoch }) => epoch !== entry.epoch);
    this.#keep([...others, entry].toSorted((a, b) => a.epoch - b.epoch).slice(-mostKept));
    this.#news.abort();
    this.#news = new AbortController();
    void this.#writeAll();
  }

  /** The oldest first, one at a time, until none is left. */
  async #writeAll(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    let retryMs = firstRetryMs;
    for (let entry = this.#waiting[0]; entry !== undefined; entry = this.#waiting[0]) {
      if (await this.#write(entry)) {
        const written = entry;
        this.#keep(this.#waiting.filter((one) => one !== written));
        retryMs = firstRetryMs;
      } else {
        await this.#clock.sleep(retryMs, this.#news.signal);
        retryMs = Math.min(2 * retryMs, longestRetryMs);
      }
    }
    this.#isWriting = false;
  }

  async #write(entry: HistoryEntry): Promise<boolean> {
    try {
      return await this.#servers.use((consul) =>
        consul.put(this.#keyOf(entry.epoch), textOf(historyEntryShape, entry)),
      );
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      this.#log.warn({ effect: "write-history", epoch: entry.epoch }, `written later: ${because}`);
      return false;
    }
  }

  #keep(entries: readonly HistoryEntry[]): void {
    this.#waiting = entries;
    try {
      this.#file.save(entries);
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      this.#log.warn({ effect: "write-history" }, `not kept for a restart of the agent: ${because}`);
    }
  }
}

/** On this host's disk. */
export function journalFile(path: string): JournalFile {
  return {
    load: () => {
      try {
        const saved = z.array(z.unknown()).parse(JSON.parse(readFileSync(path, "utf8")));
        return saved.flatMap((entry) => understood(readData(historyEntryShape, entry)) ?? []);
      } catch {
        return [];
      }
    },
    save: (entries) => {
      const text = JSON.stringify(entries.map((entry) => stamped(historyEntryShape, entry)));
      writeFileSync(`${path}.new`, text, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    },
  };
}
