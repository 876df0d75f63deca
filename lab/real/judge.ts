/**
 * The witness's report for a network of real neards: the same as the simulated chain's (lab/chain/report.ts),
 * from what can be seen of a real one. Pure.
 *
 *   accepted        our blocks in the chain, by author
 *   produced        blocks that our hosts' neards say they made; at least the accepted ones
 *   missed          expected of us and not in the chain, as the chain itself counts (RPC `validators`)
 *   endorsements    of chunks, as the chain counts them; two for a height where there are two shards
 *   signs of life   our blocks, and blocks of others with our approval in them: gaps and byHost are made of these
 *   overlap         two hosts whose neards had the key while both fences were open (stays.ts)
 *   signed twice    cannot be seen: a real chain keeps one block for a height and drops the other
 */
import { unionMs } from "../chain/overlap.ts";
import { makeReport, type Report } from "../chain/report.ts";
import type { SignatureEvent, WitnessEvent } from "../chain/witness-event.ts";
import { type Counts, since } from "./counts.ts";
import { openOverlaps, type Stay } from "./stays.ts";

/** A block of the chain, as far as it concerns us. */
export interface ChainBlock {
  readonly height: number;
  /** Null: of the first block that was seen. */
  readonly prevHeight: number | null;
  readonly author: string;
  /** When its producer made it. */
  readonly timeMs: number;
  readonly signature: string;
  /** Whether our approval is in it. */
  readonly approved: boolean;
}

/** What counts as a height's time: one and a half of them without a sign of life are a silence. Heights are half as long where nothing else runs. */
export const slotMs = 1600;

/** What one block tells: it is there, the heights before it are not, and we were heard. */
export function eventsOf(block: ChainBlock, account: string, stay: Stay | null, tenure: string): WitnessEvent[] {
  const ours = block.author === account;
  const skipped = block.prevHeight === null ? 0 : block.height - block.prevHeight - 1;
  const slots = Array.from({ length: skipped }, (_, i): WitnessEvent => {
    const height = block.height - skipped + i;
    // Whose turn it was is not told; the counts tell how many of these were ours.
    return { type: "slot", height, startMs: block.timeMs, producer: "", accepted: false, endorsed: false };
  });
  const slot: WitnessEvent = {
    type: "slot",
    height: block.height,
    startMs: block.timeMs,
    producer: block.author,
    accepted: true,
    endorsed: !ours && block.approved,
  };
  // Of whom nothing is known, since the witness had not looked at the hosts yet, nothing is told.
  if (stay === null || (!ours && !block.approved)) return [...slots, slot];
  const sign: SignatureEvent = {
    type: "signature",
    host: stay.host,
    address: "",
    account,
    key: stay.key,
    tenure,
    height: block.height,
    kind: ours ? "block" : "endorsement",
    signature: block.signature,
    sentMs: block.timeMs,
    arrivedMs: block.timeMs,
    onTime: true,
  };
  return [sign, ...slots, slot];
}

/** The chain's counts and the counters of processes, at one moment. */
export interface Tally {
  readonly counts: Counts;
  /** Of all hosts' neards: blocks made. */
  readonly produced: number;
  /** Of all other validators: connections refused. */
  readonly alreadyConnected: number;
}

export interface Seen {
  readonly account: string;
  /** In order of their blocks. */
  readonly events: readonly WitnessEvent[];
  readonly stays: readonly Stay[];
  readonly tally: Tally;
}

export interface Reset {
  readonly fromHeight: number;
  readonly fromMs: number;
  readonly tally: Tally;
}

export function realReport(seen: Seen, reset: Reset, nowMs: number): Report {
  const { account, events, tally } = seen;
  const base = makeReport(events, { account, slotMs, fromHeight: reset.fromHeight, fromMs: reset.fromMs, nowMs });
  const counts = since(tally.counts, reset.tally.counts);
  const overlaps = openOverlaps(seen.stays, reset.fromMs);
  return {
    ...base,
    produced: Math.max(base.accepted, tally.produced - reset.tally.produced),
    missed: counts.expectedBlocks - Math.min(counts.expectedBlocks, counts.blocks),
    missedHeights: [],
    endorsed: counts.endorsements,
    missedEndorsements: counts.expectedEndorsements - Math.min(counts.expectedEndorsements, counts.endorsements),
    chunks: { accepted: counts.chunks, missed: counts.expectedChunks - Math.min(counts.expectedChunks, counts.chunks) },
    alreadyConnected: Math.max(0, tally.alreadyConnected - reset.tally.alreadyConnected),
    overlapMs: Math.ceil(unionMs(overlaps)),
    overlaps: overlaps.map(({ hosts, fromMs, toMs }) => ({
      hosts,
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
      ms: Math.max(1, Math.round(toMs - fromMs)),
    })),
    cannotSee: [
      "heights signed twice: in their place, hosts that had the key behind open fences at the same time",
      "bytes of an old holder's connections",
    ],
  };
}
