/**
 * The witness's verdict: from what was seen on the wire to what it means. Pure.
 *
 * Two words carry it. A *tenure* is one stay of one key in one neard process: it begins at every load
 * of the key and ends when the key is unloaded or the process dies. A host that hands over and later
 * takes back signs under a new tenure; one that never stopped goes on under the old.
 *
 * Hence the overlap, exactly: a tenure lasts from its first signature's arrival to its last one's,
 * however late that comes (out of a kernel's socket buffer, say); `overlapMs` is the time that lies in
 * tenures of two hosts. So for a late old host it is its last arrival minus the new host's first.
 *
 * Not promised: that hosts which are silent could not have signed. Only what arrived is judged.
 */
import { z } from "zod";
import { signatureKinds } from "./wire.ts";

const isoTime = z.string();

export const witnessEventSchema = z.discriminatedUnion("type", [
  /** A height is over. */
  z.object({
    type: z.literal("slot"),
    height: z.number().int(),
    startMs: z.number(),
    producer: z.string(),
    produced: z.boolean(),
  }),
  /** A valid signature of a validator's key arrived. */
  z.object({
    type: z.literal("signature"),
    host: z.string(),
    address: z.string(),
    account: z.string(),
    key: z.string(),
    tenure: z.string(),
    height: z.number().int(),
    kind: z.enum(signatureKinds),
    signature: z.string(),
    /** By the host's wall clock. */
    sentMs: z.number(),
    /** By the chain's clock, like every time here. */
    arrivedMs: z.number(),
    /** It arrived while its height's slot was open, so it counted. */
    onTime: z.boolean(),
  }),
  /** Something arrived that was no valid signature, or a neard was turned away. */
  z.object({
    type: z.literal("rejected"),
    host: z.string(),
    address: z.string(),
    atMs: z.number(),
    because: z.string(),
  }),
]);
export type WitnessEvent = z.infer<typeof witnessEventSchema>;
export type SignatureEvent = Extract<WitnessEvent, { type: "signature" }>;

const tallySchema = z.object({
  signatures: z.number().int(),
  blocks: z.number().int(),
  endorsements: z.number().int(),
  late: z.number().int(),
  fromHeight: z.number().int(),
  toHeight: z.number().int(),
  from: isoTime,
  to: isoTime,
});

export const reportSchema = z.object({
  account: z.string(),
  /** First height judged; and the last one that is over (below `fromHeight` when none is). */
  fromHeight: z.number().int(),
  toHeight: z.number().int(),
  at: isoTime,
  /** Heights that are over. */
  slots: z.number().int(),
  /** Of them: our blocks that came in time, and those that did not. */
  produced: z.number().int(),
  missed: z.number().int(),
  missedHeights: z.array(z.number().int()),
  /** Heights of others that we endorsed in time, and those that we did not. */
  endorsed: z.number().int(),
  missedEndorsements: z.number().int(),
  /** Valid signatures that arrived after their height was over. */
  late: z.number().int(),
  rejected: z.number().int(),
  /** Silences of our key of more than 1.5 slots, between two signatures that came in time. */
  gaps: z.array(
    z.object({
      fromHeight: z.number().int(),
      toHeight: z.number().int(),
      from: isoTime,
      to: isoTime,
      seconds: z.number(),
      fromHost: z.string(),
      toHost: z.string(),
    }),
  ),
  /** Heights for which more than one signature of our key arrived, in time or not. */
  doubleSigned: z.array(
    z.object({
      height: z.number().int(),
      kinds: z.array(z.enum(signatureKinds)),
      hosts: z.array(z.string()),
      signatures: z.number().int(),
    }),
  ),
  /** Time in which two hosts signed with one key; at least 1 when they did at all. */
  overlapMs: z.number(),
  overlaps: z.array(z.object({ hosts: z.tuple([z.string(), z.string()]), from: isoTime, to: isoTime, ms: z.number() })),
  byHost: z.record(z.string(), tallySchema),
  byKey: z.record(z.string(), tallySchema),
  /** Who signed last in time, and how long ago; null when nobody did. */
  current: z
    .object({ host: z.string(), key: z.string(), height: z.number().int(), at: isoTime, silentMs: z.number() })
    .nullable(),
});
export type Report = z.infer<typeof reportSchema>;

export interface ReportScope {
  readonly account: string;
  readonly slotMs: number;
  /** The first height to judge, and when its slot began. */
  readonly fromHeight: number;
  readonly fromMs: number;
  readonly nowMs: number;
}

/** Judges `events`, which are in order of arrival. */
export function makeReport(events: readonly WitnessEvent[], scope: ReportScope): Report {
  const slots = events.filter((event) => event.type === "slot").filter((slot) => slot.height >= scope.fromHeight);
  const signatures = events
    .filter((event) => event.type === "signature")
    .filter((event) => event.account === scope.account && event.arrivedMs >= scope.fromMs);
  const onTime = signatures.filter((event) => event.onTime);
  const blocks = new Set(onTime.filter((event) => event.kind === "block").map((event) => event.height));
  const endorsements = new Set(onTime.filter((event) => event.kind === "endorsement").map((event) => event.height));
  const ours = slots.filter((slot) => slot.producer === scope.account);
  const theirs = slots.filter((slot) => slot.producer !== scope.account);
  const missedHeights = ours.filter((slot) => !blocks.has(slot.height)).map((slot) => slot.height);
  const endorsed = theirs.filter((slot) => endorsements.has(slot.height)).length;
  const overlaps = findOverlaps(signatures);
  const last = onTime.at(-1);
  return {
    account: scope.account,
    fromHeight: scope.fromHeight,
    toHeight: slots.at(-1)?.height ?? scope.fromHeight - 1,
    at: iso(scope.nowMs),
    slots: slots.length,
    produced: ours.length - missedHeights.length,
    missed: missedHeights.length,
    missedHeights,
    endorsed,
    missedEndorsements: theirs.length - endorsed,
    late: signatures.length - onTime.length,
    rejected: events.filter((event) => event.type === "rejected" && event.atMs >= scope.fromMs).length,
    gaps: findGaps(onTime, scope.slotMs),
    doubleSigned: findDoubleSigned(signatures),
    overlapMs: Math.ceil(unionMs(overlaps)),
    overlaps: overlaps.map(({ hosts, fromMs, toMs }) => ({
      hosts,
      from: iso(fromMs),
      to: iso(toMs),
      ms: Math.max(1, Math.round(toMs - fromMs)),
    })),
    byHost: tally(signatures, (event) => event.host),
    byKey: tally(signatures, (event) => event.key),
    current: last
      ? {
          host: last.host,
          key: last.key,
          height: last.height,
          at: iso(last.arrivedMs),
          silentMs: Math.max(0, Math.round(scope.nowMs - last.arrivedMs)),
        }
      : null,
  };
}

function findGaps(onTime: readonly SignatureEvent[], slotMs: number): Report["gaps"] {
  return onTime.slice(1).flatMap((next, i) => {
    const previous = onTime[i] as SignatureEvent;
    const ms = next.arrivedMs - previous.arrivedMs;
    if (ms <= 1.5 * slotMs) return [];
    return {
      fromHeight: previous.height,
      toHeight: next.height,
      from: iso(previous.arrivedMs),
      to: iso(next.arrivedMs),
      seconds: Math.round(ms) / 1000,
      fromHost: previous.host,
      toHost: next.host,
    };
  });
}

function findDoubleSigned(signatures: readonly SignatureEvent[]): Report["doubleSigned"] {
  return [...Map.groupBy(signatures, (event) => event.height)]
    .filter(([, same]) => same.length > 1)
    .sort(([a], [b]) => a - b)
    .map(([height, same]) => ({
      height,
      kinds: unique(same.map((event) => event.kind)),
      hosts: unique(same.map((event) => event.host)),
      signatures: same.length,
    }));
}

interface Overlap {
  readonly hosts: [string, string];
  readonly fromMs: number;
  readonly toMs: number;
}

/** Every pair of tenures of one key on two hosts that share a moment, in order of time. */
function findOverlaps(signatures: readonly SignatureEvent[]): Overlap[] {
  const tenures = [...Map.groupBy(signatures, (event) => `${event.key} ${event.host} ${event.tenure}`).values()].map(
    (events) => ({
      host: (events[0] as SignatureEvent).host,
      key: (events[0] as SignatureEvent).key,
      firstMs: Math.min(...ends(events)),
      lastMs: Math.max(...ends(events)),
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

/** Arrival of the first and of the last; events are in order of arrival. */
function ends(events: readonly SignatureEvent[]): [number, number] {
  return [(events[0] as SignatureEvent).arrivedMs, (events.at(-1) as SignatureEvent).arrivedMs];
}

/** Total time covered by `overlaps`, which are sorted; a shared moment counts as 1 ms. */
function unionMs(overlaps: readonly Overlap[]): number {
  let total = 0;
  let coveredTo = Number.NEGATIVE_INFINITY;
  for (const { fromMs, toMs } of overlaps) {
    const end = Math.max(toMs, fromMs + 1);
    total += Math.max(0, end - Math.max(fromMs, coveredTo));
    coveredTo = Math.max(coveredTo, end);
  }
  return total;
}

function tally(signatures: readonly SignatureEvent[], by: (event: SignatureEvent) => string): Report["byHost"] {
  return Object.fromEntries(
    [...Map.groupBy(signatures, by)].map(([name, events]) => {
      const heights = events.map((event) => event.height);
      const [firstMs, lastMs] = ends(events);
      const blocks = events.filter((event) => event.kind === "block").length;
      return [
        name,
        {
          signatures: events.length,
          blocks,
          endorsements: events.length - blocks,
          late: events.filter((event) => !event.onTime).length,
          fromHeight: heights.reduce((a, b) => Math.min(a, b)),
          toHeight: heights.reduce((a, b) => Math.max(a, b)),
          from: iso(firstMs),
          to: iso(lastMs),
        },
      ];
    }),
  );
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
