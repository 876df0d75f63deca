/** How a switchover ended: in words, and with the new holder's own record of how long it took. */

import { HoldfastError } from "../../contract/errors.ts";
import type { HeardStatus, SwitchoverProgress } from "../../contract/wire/agent-status.ts";
import type { HistoryEntry } from "../../contract/wire/history.ts";
import { getHistory } from "../hosts/agent-client.ts";
import type { HostLinks } from "../hosts/host-links.ts";
import type { Clock } from "../ports.ts";
import { formatDuration } from "../terminal/duration.ts";

/** `holdfast switchover --json`. */
export interface SwitchoverOutcome {
  readonly id: string;
  readonly state: SwitchoverProgress["state"];
  readonly from: string;
  readonly to: string;
  readonly because: string;
  /** The new holder's; null when it did not happen or its history entry could not be read. */
  readonly epoch: number | null;
  /** From the new holder's decision until its neard confirmed the key. */
  readonly tookMs: number | null;
  /** Whether the chain takes what the new holder signs; null: not asked, or nobody could say. */
  readonly heard: HeardStatus | null;
}

/** The entry is written after the key is live: it may come a moment later. */
const entryWithinMs = 3000;
const pollMs = 200;

export async function findOutcome(
  clock: Clock,
  links: HostLinks,
  end: SwitchoverProgress,
  epochBefore: number | null,
): Promise<SwitchoverOutcome> {
  const { id, state, from, to, because } = end;
  const outcome = { id, state, from, to, because, heard: null };
  if (state !== "done") return { ...outcome, epoch: null, tookMs: null };
  const giveUpMs = clock.monotonicMs() + entryWithinMs;
  do {
    const entry = await entryAfter(links, to, epochBefore ?? -1);
    if (entry?.host === to) return { ...outcome, epoch: entry.epoch, tookMs: entry.tookMs };
    await clock.sleep(pollMs);
  } while (clock.monotonicMs() < giveUpMs);
  return { ...outcome, epoch: null, tookMs: null };
}

/** The newest change of holder, if there was one after `epoch` and `host` can say so. */
export async function entryAfter(links: HostLinks, host: string, epoch: number): Promise<HistoryEntry | undefined> {
  try {
    const newest = (await getHistory(links.of(host), 1)).at(-1);
    return newest !== undefined && newest.epoch > epoch ? newest : undefined;
  } catch (error) {
    if (error instanceof HoldfastError) return undefined;
    throw error;
  }
}

export function formatOutcome(outcome: SwitchoverOutcome): string {
  if (outcome.state !== "done") return `The key did not move: ${outcome.because}`;
  const epoch = outcome.epoch === null ? "" : ` (epoch ${outcome.epoch})`;
  const took =
    outcome.tookMs === null
      ? ""
      : ` It took ${formatDuration(outcome.tookMs)} from ${outcome.to}'s decision until its neard confirmed the key.`;
  return `${outcome.from} → ${outcome.to}: the key has moved${epoch}.${took}`;
}
