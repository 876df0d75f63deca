/**
 * The witness's verdict: from what was seen on the wire to what it means. Pure. What counts as an
 * overlap is in overlap.ts.
 *
 * What a host signs and what the chain takes are two things: a block counts only with the approvals of the
 * others, and those go where the others believe the validator to be. So *produced* is what was signed,
 * *accepted* what is in the chain.
 *
 * Not promised: that a host which was silent could not have signed. Only what arrived is judged.
 */
import * as z from "zod";
import { findOverlaps, unionMs } from "./overlap.ts";
import { paceOf } from "./pace.ts";
import { findTakeovers } from "./takeovers.ts";
import { signatureKinds } from "./wire.ts";
import type { SignatureEvent, WitnessEvent } from "./witness-event.ts";

const isoTime = z.string();

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
  /** Of them ours, of which a signature was seen, in time or not. */
  produced: z.number().int(),
  /** Ours whose block is in the chain, and those without one: together what was expected of us. */
  accepted: z.number().int(),
  missed: z.number().int(),
  /** Of those missed the last hundred. */
  missedHeights: z.array(z.number().int()),
  /** Heights of others for which our endorsement counts, and those for which none does. */
  endorsed: z.number().int(),
  missedEndorsements: z.number().int(),
  /** Chunks of ours, where the chain counts them (a network of real neards does). */
  chunks: z.object({ accepted: z.number().int(), missed: z.number().int() }).optional(),
  /** Tier-1 connections that other validators refused, since they had one for the account already. */
  alreadyConnected: z.number().int(),
  /** Bytes by connections of an old holder's process that arrived when another host had begun to sign. */
  strayBytes: z.number().int(),
  /** Changes of host, as far as they were since the report's beginning. */
  takeovers: z.array(
    z.object({
      from: z.string(),
      to: z.string(),
      /** When the new host had the key. */
      at: isoTime,
      /** From the old host's last accepted block to the key on the new one. */
      keySeconds: z.number(),
      /** From the key on the new one to its first accepted block; null: none yet. */
      firstAcceptedSeconds: z.number().nullable(),
    }),
  ),
  /** Blocks of all validators that the chain took in any 10 s; null before 10 s are over. */
  pace: z.object({ medianPer10s: z.number().nullable(), slowestPer10s: z.number().nullable() }),
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
  /** What this kind of chain does not show, and what stands for it. */
  cannotSee: z.array(z.string()).optional(),
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
  const blocks = new Set(signatures.filter((event) => event.kind === "block").map((event) => event.height));
  const ours = slots.filter((slot) => slot.producer === scope.account);
  const theirs = slots.filter((slot) => slot.producer !== scope.account);
  const missedHeights = ours.filter((slot) => !slot.accepted).map((slot) => slot.height);
  const acceptedHeights = new Set(ours.filter((slot) => slot.accepted).map((slot) => slot.height));
  const endorsed = theirs.filter((slot) => slot.endorsed).length;
  const keys = events
    .filter((event) => event.type === "key")
    .filter((event) => event.account === scope.account && event.atMs >= scope.fromMs);
  const refused = events.filter((event) => event.type === "already-connected" && event.atMs >= scope.fromMs);
  const strays = events.filter((event) => event.type === "stray").filter((event) => event.atMs >= scope.fromMs);
  const overlaps = findOverlaps(signatures);
  const last = onTime.at(-1);
  return {
    account: scope.account,
    fromHeight: scope.fromHeight,
    toHeight: slots.at(-1)?.height ?? scope.fromHeight - 1,
    at: iso(scope.nowMs),
    slots: slots.length,
    produced: ours.filter((slot) => blocks.has(slot.height)).length,
    accepted: acceptedHeights.size,
    missed: missedHeights.length,
    missedHeights: missedHeights.slice(-100),
    endorsed,
    missedEndorsements: theirs.length - endorsed,
    alreadyConnected: refused.length,
    strayBytes: strays.reduce((sum, { bytes }) => sum + bytes, 0),
    takeovers: findTakeovers(keys, signatures, acceptedHeights).map(({ from, to, atMs, keyMs, firstAcceptedMs }) => ({
      from,
      to,
      at: iso(atMs),
      keySeconds: Math.round(keyMs) / 1000,
      firstAcceptedSeconds: firstAcceptedMs === null ? null : Math.round(firstAcceptedMs) / 1000,
    })),
    pace: paceOf(slots, scope.slotMs),
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

function tally(signatures: readonly SignatureEvent[], by: (event: SignatureEvent) => string): Report["byHost"] {
  return Object.fromEntries(
    [...Map.groupBy(signatures, by)].map(([name, events]) => {
      const heights = events.map((event) => event.height);
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
          from: iso(events[0]?.arrivedMs ?? 0),
          to: iso(events.at(-1)?.arrivedMs ?? 0),
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
