/**
 * Phase `demoting`: stop, prove, release, in that order and in one place.
 *
 *   shutting    the fence shuts (it may have, by itself, at the deadline)
 *   killing     SIGKILL to neard's whole control group, until none of its processes is left: only a
 *               dead process is proof, for a neard that rejects a reload keeps its old signer
 *   erasing     the key leaves the tmpfs
 *   releasing   with the proof complete, a clean marker lets a standby start at once
 *   disarming   packets of the old epoch stay barred; a fresh neard talks freely
 *   starting    that fresh neard
 * A step that fails is repeated for as long as it takes; nothing behind it happens meanwhile, with one exception: a
 * fence of which the kernel does not show that it is shut (somebody flushed the rules, nft does not work) holds nobody
 * back, so neard is killed at once, and the fence is tried again after each try to kill. Nothing is released before both.
 */
import { ask, type Draft, enter } from "./transitions.ts";
import type { DemotingPhase, Event } from "./types.ts";

/** A failed step is tried again after this. */
const retryMs = 500;
/** Unanswered releases are repeated for this long; then the lock is left to run out. */
const releaseMaxMs = 5000;

export function demoteEvent(draft: Draft, event: Event): void {
  const phase = draft.state.phase as DemotingPhase;
  if (event.is !== "done" && event.is !== "failed") return;
  if (event.serial !== draft.state.serial) return;
  if (event.is === "done") {
    advance(draft, phase);
    return;
  }
  if (phase.step === "releasing" && (event.certain || draft.nowMs - phase.stepMs > releaseMaxMs)) {
    // Not ours any more, or not to be had: the standby's wait covers it.
    advance(draft, phase);
    return;
  }
  const again = afterFailure(phase);
  enter(
    draft,
    { ...again, stepMs: draft.nowMs },
    `${phase.because}; ${phase.step} failed and is repeated: ${event.because}`,
  );
  // A fence that does not shut leaves only the kill, and that at once.
  request(draft, again, phase.step === "shutting" && again.step === "killing" ? 0 : retryMs);
}

/** Which step is tried after this one has failed. */
function afterFailure(phase: DemotingPhase): DemotingPhase {
  if (phase.isShut) return phase;
  if (phase.step === "shutting") return phase.isEnded ? phase : { ...phase, step: "killing" };
  return { ...phase, step: "shutting" };
}

const order = ["shutting", "killing", "erasing", "releasing", "disarming", "starting"] as const;

/** What comes after a step that is done; null: all is. */
function afterSuccess(before: DemotingPhase): DemotingPhase | null {
  const { step, release } = before;
  const phase = {
    ...before,
    isShut: before.isShut || step === "shutting",
    isEnded: before.isEnded || step === "erasing",
  };
  let next = order[order.indexOf(step) + 1];
  // What did not wait for a fence that did not shut is done by now; and what waits for both comes after both.
  if (step === "shutting" && phase.isEnded) next = "releasing";
  if (step === "erasing" && !phase.isShut) next = "shutting";
  if (next === "releasing" && release === null) next = "disarming";
  return next === undefined ? null : { ...phase, step: next };
}

function advance(draft: Draft, phase: DemotingPhase): void {
  const next = afterSuccess(phase);
  if (next === null) {
    draft.effects.push({ do: "forget-lease" });
    enter(
      draft,
      { name: "standby", attempt: { step: "none", session: null, notBeforeMs: draft.nowMs } },
      `standby again: ${phase.because}`,
    );
    return;
  }
  const moved: DemotingPhase = { ...next, stepMs: draft.nowMs };
  enter(draft, moved, `${phase.because} (${next.step})`);
  request(draft, moved, 0);
}

function request(draft: Draft, phase: DemotingPhase, delayMs: number): void {
  switch (phase.step) {
    case "shutting":
      ask(draft, { do: "shut", epoch: phase.epoch, delayMs });
      return;
    case "killing":
      ask(draft, { do: "kill-neard", delayMs });
      return;
    case "erasing":
      ask(draft, { do: "erase-key", delayMs });
      return;
    case "releasing":
      askRelease(draft, phase, delayMs);
      return;
    case "disarming":
      ask(draft, { do: "disarm", delayMs });
      return;
    case "starting":
      ask(draft, { do: "start-neard", delayMs });
      return;
  }
}

function askRelease(draft: Draft, phase: DemotingPhase, delayMs: number): void {
  if (phase.release === null) return;
  const { session, epoch, seq } = phase.release;
  const { host } = draft.settings;
  const marker = {
    by: host,
    session,
    to: phase.to,
    epoch,
    switchover: phase.switchover,
    because: `${host} gave way: ${phase.because}`,
    height: phase.height,
    deaths: phase.deaths,
  };
  ask(draft, { do: "release", session, seq: seq + 1, marker, delayMs });
}
