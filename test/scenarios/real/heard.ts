/** How soon, and how well, the chain takes what a new holder signs: measured by the witness. */
import { setTimeout as sleep } from "node:timers/promises";
import { paceOf } from "../../../lab/chain/pace.ts";
import type { Report } from "../../../lab/chain/report.ts";
import { witnessEvents } from "../../../lab/hosts/chain.ts";
import { slotMs } from "../../../lab/real/judge.ts";
import { lab, until, witness } from "../cluster.ts";

/** How long a change is watched after the first block: some hundred endorsements of ours. */
const watchedMs = 25_000;
/** Longer than any bound here, so that a failure says how long it took. */
export const heardWithinMs = 300_000;
/** The chain's counts are asked every second: those of a moment are known so much later. */
const countsLagMs = 1500;

export interface Heard {
  /** From the event to the first block of the new host in the chain. */
  readonly fromEventS: number;
  readonly fromKeyS: number;
  /** Of ours, from the key on; the share of the endorsements. */
  readonly missedBlocks: number;
  readonly missedEndorsements: number;
  /** Blocks of all validators in 10 s: the median from before, and the slowest that began after the key. */
  readonly pace: { readonly before: number; readonly slowest: number };
  readonly report: Report;
}

/** Waits for the key on `to` and its first block, and counts what was missed from the key on. */
export async function heardOn(to: string, eventMs: number): Promise<Heard> {
  const lastTo = (report: Report) =>
    report.takeovers.findLast((takeover) => takeover.to === to && Date.parse(takeover.at) >= eventMs);
  const before = (await witness()).pace.medianPer10s ?? 0;
  const keyMs = await until(`${to} to have the key`, 60_000, async () => {
    const at = lastTo(await witness())?.at;
    return at === undefined ? null : Date.parse(at);
  });
  await sleep(Math.max(0, keyMs + countsLagMs - Date.now()));
  const atKey = await witness();
  await until(`a block of ${to} in the chain`, heardWithinMs, async () => {
    return (lastTo(await witness())?.firstAcceptedSeconds ?? null) !== null;
  });
  await sleep(watchedMs);
  const report = await witness();
  const takeover = lastTo(report);
  const fromKeyS = takeover?.firstAcceptedSeconds ?? Number.POSITIVE_INFINITY;
  const missed = report.missedEndorsements - atKey.missedEndorsements;
  const counted = report.endorsed - atKey.endorsed;
  return {
    fromKeyS,
    fromEventS: (keyMs - eventMs) / 1000 + fromKeyS,
    missedBlocks: report.missed - atKey.missed,
    missedEndorsements: missed / Math.max(1, missed + counted),
    pace: { before, slowest: await slowestSince(keyMs) },
    report,
  };
}

async function slowestSince(fromMs: number): Promise<number> {
  const events = (await witnessEvents(lab(), 0)).map(({ event }) => event);
  const slots = events.filter((event) => event.type === "slot").filter(({ startMs }) => startMs >= fromMs);
  return paceOf(slots, slotMs).slowestPer10s ?? 0;
}

export const said = (heard: Heard): string =>
  `first block ${heard.fromEventS.toFixed(1)} s after the event, ${heard.fromKeyS.toFixed(1)} s after the key; then ` +
  `${heard.missedBlocks} blocks and ${(100 * heard.missedEndorsements).toFixed(1)} % of endorsements missed; pace ` +
  `${heard.pace.slowest} blocks in 10 s at the slowest, ${heard.pace.before} before`;
