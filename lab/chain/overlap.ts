/**
 * Time in which two hosts signed with one key. Pure.
 *
 * A *tenure* is one stay of one key in one neard process: it begins at every load of the key and ends
 * when the key is unloaded or the process dies. A host that hands over and later takes back signs
 * under a new tenure; one that never stopped goes on under the old.
 *
 * Hence the overlap, exactly: a tenure lasts from its first signature's arrival to its last one's,
 * however late that comes (out of a kernel's socket buffer, say), and the overlap is what tenures of
 * two hosts share. So for an old host that is late it is its last arrival minus the new host's first.
 */
import type { SignatureEvent } from "./witness-event.ts";

/** Two hosts that signed with one key at the same time. */
export interface Overlap {
  readonly hosts: [string, string];
  readonly fromMs: number;
  readonly toMs: number;
}

/** Every pair of tenures of one key on two hosts that share a moment, in order of time; `signatures` are in order of arrival. */
export function findOverlaps(signatures: readonly SignatureEvent[]): Overlap[] {
  const tenures = [...Map.groupBy(signatures, (event) => `${event.key} ${event.host} ${event.tenure}`).values()].map(
    (events) => ({
      host: (events[0] as SignatureEvent).host,
      key: (events[0] as SignatureEvent).key,
      firstMs: (events[0] as SignatureEvent).arrivedMs,
      lastMs: (events.at(-1) as SignatureEvent).arrivedMs,
    }),
  );
  const overlaps: Overlap[] = [];
  for (const [i, a] of tenures.entries())
    for (const b of tenures.slice(i + 1)) {
      const fromMs = Math.max(a.firstMs, b.firstMs);
      const toMs = Math.min(a.lastMs, b.lastMs);
      if (a.host !== b.host && a.key === b.key && fromMs <= toMs)
        overlaps.push({ hosts: [a.host, b.host], fromMs, toMs });
    }
  return overlaps.sort((a, b) => a.fromMs - b.fromMs);
}

/** Total time covered by `overlaps`, which are sorted; a shared moment counts as 1 ms. */
export function unionMs(overlaps: readonly Overlap[]): number {
  let total = 0;
  let coveredTo = Number.NEGATIVE_INFINITY;
  for (const { fromMs, toMs } of overlaps) {
    const end = Math.max(toMs, fromMs + 1);
    total += Math.max(0, end - Math.max(fromMs, coveredTo));
    coveredTo = Math.max(coveredTo, end);
  }
  return total;
}
