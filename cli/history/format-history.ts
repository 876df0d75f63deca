/** The history of take-overs as a table, the newest last. Pure. */
import type { HistoryEntry } from "../../contract/wire/history.ts";
import { formatDuration, formatMoment } from "../terminal/duration.ts";
import type { Paint } from "../terminal/paint.ts";
import { formatTable } from "../terminal/table.ts";

export function formatHistory(
  entries: readonly HistoryEntry[],
  style: { paint: Paint; columns: number | undefined },
): string {
  if (entries.length === 0) return "No host has taken the key yet.";
  const { paint } = style;
  const kind = (entry: HistoryEntry) => (entry.kind === "failover" ? paint.yellow(entry.kind) : entry.kind);
  const rows = entries.map((entry) => [
    String(entry.epoch),
    formatMoment(entry.at),
    entry.host,
    entry.from ?? "-",
    kind(entry),
    formatDuration(entry.tookMs),
    after(entry.keyMs),
    after(entry.firstMs),
    after(entry.firstBlockMs),
    entry.because,
  ]);
  const counted = ["key after", "heard after", "first block after"];
  return formatTable(["epoch", "when", "host", "from", "kind", "took", ...counted, "because"], rows, style);
}

/** Counted from the old holder's last sign of itself; `-`: not known, or not yet. */
const after = (ms: number | null): string => (ms === null ? "-" : formatDuration(ms));
