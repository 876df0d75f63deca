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

/** Shown by the kill of every process that may have had the key, or by neard's own word in this very phase. */
export function isKeylessAfter(before: State, { phase, probe, sinceMs, isKeyless }: State): boolean {
  if (phase.name !== "standby") return false;
  // The way out of power ends behind that proof (demoting.ts).
  if (before.phase.name === "demoting") return true;
  if (isKeyless || probe === null || probe.atMs < sinceMs) return isKeyless;
  return probe.process === null || (probe.answered && probe.validatorKey === null);
}

/** What the others ask that this host can answer, sorted. */
export function answersOf(settings: Settings, state: State, nowMs: number): readonly string[] {
  // Not while a take-over of its own is on its way.
  const { phase, isKeyless } = state;
  if (phase.name !== "standby" || phase.attempt.step === "lock" || !isKeyless) return [];
  return settings.peers
    .filter(({ host }) => host !== settings.host)
    .flatMap(({ host }) => freshNote(state.watch, host, nowMs)?.asks ?? [])
    .toSorted();
}
