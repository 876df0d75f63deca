/** Phase `standby`: wait, then session, then the take-over's transaction on the index that was seen. */
import { cleanMarker } from "../lease/lock-record.ts";
import type { Wish } from "./fencing.ts";
import { pursue, takeProof } from "./fencing-steps.ts";
import { keepGuard } from "./guard.ts";
import { isOwnKey, keyDue } from "./keys.ts";
import { isLockAbsent, judgeTakeOver } from "./standby.ts";
import { ask, type Draft, enter, enterDemoting, saveLease, say } from "./transitions.ts";
import type { Attempt, Event, Lease, Phase, StandbyPhase, TakeOverStory } from "./types.ts";

/** After a refused or lost try, the next one waits this long. */
const retryMs = 1000;
/** A try whose answer has not come by then is given up; its session is destroyed. */
const attemptMaxMs = 4000;

export function standbyEvent(draft: Draft, event: Event): void {
  const phase = draft.state.phase as StandbyPhase;
  // Only a probe of this phase: the last one of an ended lease shows the key of a neard that is dead.
  const { probe, sinceMs } = draft.state;
  if (probe !== null && probe.atMs >= sinceMs && isOwnKey(draft.settings, probe.validatorKey)) {
    enterDemoting(draft, "neard has the validator key although this host has no lease", { release: null });
    return;
  }
  keepGuard(draft, event);
  switch (event.is) {
    case "session-created":
      if (event.serial === draft.state.serial && phase.attempt.step === "session") tryLock(draft, event.session);
      else draft.effects.push({ do: "destroy-session", session: event.session });
      return;
    case "took-over":
      if (event.serial === draft.state.serial && phase.attempt.step === "lock")
        begin(draft, phase.attempt.session, phase.attempt.story, event.sentMs, event.lockIndex);
      return;
    case "failed":
      if (event.serial === draft.state.serial) giveUp(draft, phase.attempt, event.because);
      return;
    case "tick":
    case "observed":
    case "probed":
    case "account-seen":
      consider(draft, phase.attempt);
      return;
    case "power-seen":
    case "power-trouble":
    case "power-confirmed":
      takeProof(draft, event);
      consider(draft, phase.attempt);
      return;
    case "key-found":
      // Any SIGHUP, whoever sends it, would make a second signer; and one may be under way: only a dead neard is proof.
      enterDemoting(draft, "somebody left a validator key where neard would find it", { release: null });
      return;
    case "key-checked":
    case "place-checked":
    case "doubt-noted":
    case "unpublished":
    case "renewed":
    case "renew-refused":
    case "window-found":
    case "done":
    case "switchover-asked":
    case "stand-down":
    case "stand-up":
      return;
  }
}

function consider(draft: Draft, attempt: Attempt): void {
  const { settings, state, nowMs } = draft;
  if (attempt.step !== "none") {
    if (nowMs - attempt.sinceMs > attemptMaxMs) giveUp(draft, attempt, "Consul did not answer the take-over in time");
    return;
  }
  const verdict = judgeTakeOver(settings, state, nowMs);
  pursue(draft, verdict.act ? nothing : (verdict.power ?? nothing));
  if (!verdict.act) {
    say(draft, verdict.because);
    if (verdict.askNeard) draft.effects.push({ do: "probe-soon" });
    if (isLockAbsent(settings, state, nowMs) && nowMs >= attempt.notBeforeMs) {
      setAttempt(draft, { ...attempt, notBeforeMs: nowMs + retryMs });
      draft.effects.push({ do: "create-lock" });
    }
    return;
  }
  if (nowMs < attempt.notBeforeMs) return;
  setAttempt(draft, { step: "session", sinceMs: nowMs });
  say(draft, `takes over: ${verdict.story.because}`);
  ask(draft, { do: "create-session" });
}

/** Of fencing. */
const nothing: Wish = { off: null, look: null };

/** The session is there: is it still right to take over, on what we see now? */
function tryLock(draft: Draft, session: string): void {
  const { settings, state, nowMs } = draft;
  const verdict = judgeTakeOver(settings, state, nowMs);
  if (!verdict.act || state.watch.lock === null) {
    giveUp(draft, { step: "none", session, notBeforeMs: nowMs }, verdict.act ? "the lock is unknown" : verdict.because);
    return;
  }
  setAttempt(draft, { step: "lock", session, sinceMs: nowMs, story: verdict.story });
  const unlessPaused = cleanMarker(state.watch.lock)?.to !== settings.host;
  ask(draft, { do: "take-over", session, lock: state.watch.lock, unlessPaused });
}

/**
 * Ends a try. Its session is destroyed, whatever became of the transaction: should it have been, or
 * yet be, committed, the lock goes with the session, and nobody holds it unknowingly.
 */
function giveUp(draft: Draft, attempt: Attempt, because: string): void {
  const session = attempt.step === "session" ? null : attempt.session;
  if (session !== null) draft.effects.push({ do: "destroy-session", session });
  setAttempt(draft, { step: "none", session: null, notBeforeMs: draft.nowMs + retryMs });
  say(draft, because);
  // An answer that still comes belongs to nobody.
  draft.state = { ...draft.state, serial: draft.state.serial + 1 };
}

/** Ends a try that is under way, if any. */
export function abandonAttempt(draft: Draft, because: string): void {
  const { attempt } = draft.state.phase as StandbyPhase;
  if (attempt.step === "none" && attempt.session === null) say(draft, because);
  else giveUp(draft, attempt, because);
}

function begin(draft: Draft, session: string, story: TakeOverStory, sentMs: number, lockIndex: number): void {
  const lease: Lease = {
    session,
    epoch: lockIndex,
    deadlineMs: sentMs + draft.settings.lease.leaseMs,
    lastSentMs: sentMs,
    seq: 0,
    sessionRenewedMs: sentMs,
    fedMs: 0,
    fedUntilMs: 0,
  };
  // Asked now: what was due when the try began need not be any more. Without one the step `loading` fails, and it ends.
  const key = keyDue(draft.settings, draft.state) ?? draft.settings.publicKey;
  const phase: Phase = {
    name: "taking",
    lease,
    step: "arming",
    stepMs: draft.nowMs,
    reloads: 0,
    story,
    key,
    activeMs: null,
  };
  enter(draft, phase, `took the lock with epoch ${lockIndex}: ${story.because}`);
  saveLease(draft);
  ask(draft, { do: "arm", epoch: lockIndex });
  // Only now that the lock is ours, for nobody may be disturbed before: this may still find that the old host lives.
  if (story.silent !== null && story.silent !== draft.settings.host)
    draft.effects.push({ do: "answer-for", host: story.silent });
}

function setAttempt(draft: Draft, attempt: Attempt): void {
  draft.state = { ...draft.state, phase: { name: "standby", attempt } };
}
