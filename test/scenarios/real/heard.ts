/** How soon, and how well, the chain takes what a new holder signs: measured by the witness. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Report } from "../../../lab/chain/report.ts";
import { until, witness } from "../cluster.ts";

/** How long a change is watched after the first block. */
export const watchedMs = 12_000;
/** Longer than any bound here, so that a failure says how long it took. */
export const heardWithinMs = 300_000;

export interface Heard {
  /** From the event to the first block of the new host in the chain. */
  readonly fromEventS: number;
  readonly fromKeyS: number;
  readonly missedBlocks: number;
  readonly missedEndorsements: number;
  readonly report: Report;
}

/** Waits for the key on `to` and its first block, and counts what was missed from the key on. */
export async function heardOn(to: string, eventMs: number): Promise<Heard> {
  const lastTo = (report: Report) =>
    report.takeovers.findLast((takeover) => takeover.to === to && Date.parse(takeover.at) >= eventMs);
  const atKey = await until(`${to} to have the key`, 60_000, async () => {
    const report = await witness();
    return lastTo(report) === undefined ? null : report;
  });
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
    fromEventS: (Date.parse(takeover?.at ?? "") - eventMs) / 1000 + fromKeyS,
    missedBlocks: report.missed - atKey.missed,
    missedEndorsements: missed / Math.max(1, missed + counted),
    report,
  };
}

export const said = (heard: Heard) =>
  `first block ${heard.fromEventS.toFixed(1)} s after the event, ${heard.fromKeyS.toFixed(1)} s after the key; then ` +
  `${heard.missedBlocks} blocks and ${(100 * heard.missedEndorsements).toFixed(1)} % of endorsements missed; pace ` +
  `${heard.report.pace.slowestPer10s} of ${heard.report.pace.medianPer10s} in 10 s`;
