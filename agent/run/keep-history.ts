/** The history of take-overs in this cluster's Consul, and who keeps it short: the agent of the active host. */
import type { Logger } from "pino";
import type { ConsulServers } from "../../host/consul/servers.ts";
import { systemClock } from "../../host/system/clock.ts";
import { type Book, keptEntries, pruneHistory } from "./history-book.ts";
import type { NeardHost } from "./neard-host.ts";
import { repeat } from "./repeat.ts";
import { roleOf } from "./status.ts";

/** Some thousand names. */
const longestListing = 256 * 1024;
/** Take-overs are rare. */
const historyEveryMs = 600_000;
/** An agent that starts has something better to do first. */
const historyFirstMs = 60_000;

/** The history in Consul; names of a listing that is too long are asked for in parts. */
export function historyBook(servers: ConsulServers): Book {
  return {
    names: async (prefix) => await servers.use((client) => client.keyNames(prefix, longestListing)),
    read: async (key) => {
      const { entries } = await servers.use((client) => client.readPrefix(key, { timeoutMs: 3000, stale: true }));
      return entries.find((entry) => entry.key === key)?.value ?? null;
    },
    delete: async (key) => await servers.use((client) => client.delete(key)),
  };
}

/** The holder keeps the history short. */
export async function keepHistoryShort(
  book: Book,
  root: string,
  agent: NeardHost,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const isHolder = () => !signal.aborted && roleOf(agent.state) === "active";
  await systemClock.sleep(historyFirstMs, signal);
  await repeat({
    everyMs: historyEveryMs,
    clock: systemClock,
    signal,
    work: async () => {
      if (!isHolder()) return;
      try {
        const gone = await pruneHistory(book, root, isHolder, systemClock);
        if (gone > 0) log.info({ effect: "history" }, `${gone} old entries went; the newest ${keptEntries} stay`);
      } catch (error) {
        log.warn({ effect: "history" }, `the history could not be kept short: ${(error as Error).message}`);
      }
    },
  });
}
