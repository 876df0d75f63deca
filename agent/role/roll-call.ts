/**
 * Whether this host can say to others that it holds nothing. Pure.
 *
 * Before a take-over with fencing a standby asks who else may hold a lease (fencing.ts). Whoever answers is not powered
 * off, and need not be. What makes the answer true for as long as it counts: it is given after the question, which names a
 * number that was never used before, by a standby; and a standby comes to hold only by an acquisition, which moves the
 * lock, so that the asker's transaction on the record that he asked about fails.
 */
import type { Settings, State } from "./types.ts";
import { freshNote } from "./watch.ts";

/** A probe older than this says nothing about now; probes come at least once a second. */
const probeMaxAgeMs = 3000;

/** Not while a take-over of its own is on its way, nor before its neard was seen without a key in this very phase. */
function holdsNothing({ phase, probe, sinceMs }: State, nowMs: number): boolean {
  if (phase.name !== "standby" || phase.attempt.step === "lock") return false;
  if (probe === null || probe.atMs < sinceMs || nowMs - probe.atMs > probeMaxAgeMs) return false;
  return probe.process === null || (probe.answered && probe.validatorKey === null);
}

/** What the others ask that this host can answer, sorted. */
export function answersOf(settings: Settings, state: State, nowMs: number): readonly string[] {
  if (!holdsNothing(state, nowMs)) return [];
  return settings.peers
    .filter(({ host }) => host !== settings.host)
    .flatMap(({ host }) => freshNote(state.watch, host, nowMs)?.asks ?? [])
    .toSorted();
}
