/**
 * Phase `taking`: from the lock to a validating neard. Arm, feed, key, reload, proof; the fence comes
 * before the key, so that no key is ever on a host whose packets nobody governs.
 */
import { deathsAfter } from "./deaths.ts";
import { feed } from "./feeding.ts";
import { newHeard } from "./heard.ts";
import { isOwnKey } from "./keys.ts";
import { ask, type Draft, enter, enterDemoting, releaseOf, saveLease } from "./transitions.ts";
import type { Event, TakingPhase } from "./types.ts";

/** neard applies a reload within about 1 s (facts: hot swap); after this long it is asked again. */
const reloadMs = 1500;
/** After so many reloads without our key in `/status`, this neard will not take it. */
const maxReloads = 4;
/** A resumed agent may find a neard that is slow to answer; the lease bounds the wait anyway. */
const resumeMs = 3000;

export function takingEvent(draft: Draft, event: Event): void {
  const phase = draft.state.phase as TakingPhase;
  if ((event.is === "done" || event.is === "failed") && event.serial === draft.state.serial) {
    if (event.is === "failed") giveUp(draft, phase, event.because);
    else advance(draft, phase);
    return;
  }
  if (event.is === "probed" || event.is === "tick") check(draft, phase);
}

function advance(draft: Draft, phase: TakingPhase): void {
  switch (phase.step) {
    case "arming":
      step(draft, phase, "loading");
      // Before the key is written, so that a neard that takes it at once is heard at once.
      feed(draft);
      ask(draft, { do: "load-key", key: phase.key });
      return;
    case "loading":
      step(draft, phase, "verifying");
      draft.effects.push({ do: "probe-soon" });
      return;
    case "resuming":
    case "verifying":
      return;
  }
}

function check(draft: Draft, phase: TakingPhase): void {
  const { state, nowMs } = draft;
  const probe = state.probe;
  const fresh = probe !== null && probe.atMs >= phase.stepMs;
  if (phase.step !== "verifying" && phase.step !== "resuming") return;
  if (fresh && probe.process === null) {
    // From when neard had the key, which may be long before this agent was started.
    const deaths = deathsAfter(phase.story, phase.activeMs ?? phase.stepMs, nowMs);
    giveUp(draft, phase, "neard died while it was given the key", deaths);
    return;
  }
  if (fresh && probe.answered && probe.process !== null && hasKey(draft, phase, probe.validatorKey)) {
    succeed(draft, phase, probe.process, probe.validatorKey);
    return;
  }
  const waitedMs = nowMs - phase.stepMs;
  if (phase.step === "resuming") {
    if (waitedMs > resumeMs || (fresh && probe.answered)) giveUp(draft, phase, "neard did not have the key any more");
    return;
  }
  if (waitedMs < reloadMs) {
    draft.effects.push({ do: "probe-soon" });
    return;
  }
  if (phase.reloads >= maxReloads) {
    giveUp(draft, phase, `neard did not take the key after ${maxReloads} reloads`);
    return;
  }
  // A SIGHUP during a reload can be lost: verify, resend.
  const again: TakingPhase = {
    ...(state.phase as TakingPhase),
    step: "loading",
    stepMs: nowMs,
    reloads: phase.reloads + 1,
  };
  enter(draft, again, `reloads neard again: it does not show the key ${waitedMs} ms after the last reload`);
  ask(draft, { do: "load-key", key: phase.key });
}

/** An agent that was restarted may have been changing the key: either is the account's, and it goes on from there. */
function hasKey({ settings }: Draft, phase: TakingPhase, key: string | null): key is string {
  return phase.step === "resuming" ? isOwnKey(settings, key) : key === phase.key;
}

function succeed(draft: Draft, phase: TakingPhase, process: string, key: string): void {
  const { nowMs } = draft;
  const { lease } = draft.state.phase as TakingPhase;
  const { story } = phase;
  enter(
    draft,
    { name: "active", lease, process, lastGoodMs: nowMs, key, swap: null, swappedBackIn: null, story },
    "holds the lease; neard has the key",
  );
  // An agent that goes on with a term has not begun it: this host is active since neard got the key.
  const activeMs = phase.activeMs ?? nowMs;
  draft.state = { ...draft.state, sinceMs: activeMs };
  const isNew = phase.activeMs === null;
  const entry = { epoch: lease.epoch, story, tookMs: Math.round(activeMs - story.startedMs) };
  // Counted from now, so what the chain has counted so far is asked for at once.
  draft.state = { ...draft.state, heard: newHeard(isNew ? entry : null, nowMs), sightAskedMs: nowMs };
  draft.effects.push({ do: "ask-account" });
  if (!isNew) return;
  saveLease(draft);
  draft.effects.push({ do: "write-history", ...entry, keyAtMs: nowMs, heard: null });
}

function giveUp(draft: Draft, phase: TakingPhase, because: string, deaths = 0): void {
  enterDemoting(draft, `gives the lock back: ${because}`, { release: releaseOf(phase.lease), deaths });
}

function step(draft: Draft, phase: TakingPhase, name: TakingPhase["step"]): void {
  const next: TakingPhase = { ...phase, step: name, stepMs: draft.nowMs };
  draft.state = { ...draft.state, phase: next };
}
