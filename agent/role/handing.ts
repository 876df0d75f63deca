/**
 * Phase `handing`: a planned switchover, step by step. Up to `shutting` it can be dropped without a
 * trace; from there on it goes through, for an interrupted one must still leave at most one holder.
 *
 *   asking      the successor says in Consul that it stands ready for this very switchover
 *   window      (optional) a stretch without block or chunk of ours
 *   shutting    our fence shuts: from here no packet of ours leaves
 *   unloading   key file away, SIGHUP
 *   verifying   neard itself says that it has no signer
 *   releasing   unlock with the marker that names the successor
 * Up to `shutting` this host validates as before: it is shown as active, and a neard that hangs meanwhile ends the waiting,
 * so that `active` can give way. At last `demoting` restarts neard, for a process that once had the key may go on advertising it.
 */

import { signingFault } from "./readiness.ts";
import { isSwapDue } from "./rotation.ts";
import { ackWithinMs, whyNot } from "./switchover.ts";
import { ask, type Draft, enter, enterDemoting, releaseOf, sealed } from "./transitions.ts";
import type { Event, HandingPhase, Probe } from "./types.ts";
import { freshNote } from "./watch.ts";

/** How long to wait for a maintenance window before the switchover is dropped. */
const windowMaxMs = 600_000;
/** When neard knows of no window, it is asked again after this. */
const windowRetryMs = 2000;
/** neard unloads within about 1 s; after this it is killed instead. */
const unloadMaxMs = 2000;
/** Unanswered releases are repeated for this long; then the lock is left to run out. */
const releaseMaxMs = 3000;
/** A Consul that is down refuses the connection at once. */
const releaseRetryMs = 200;

export function handingEvent(draft: Draft, event: Event): void {
  let phase = draft.state.phase as HandingPhase;
  if (event.is === "window-found" && event.serial === draft.state.serial && phase.windowMs === null) {
    draft.state = { ...draft.state, phase: { ...phase, windowMs: event.opensMs } };
    return;
  }
  if ((event.is === "done" || event.is === "failed") && event.serial === draft.state.serial) {
    if (event.is === "done") advance(draft, phase);
    else stumble(draft, phase, event);
    return;
  }
  if (event.is === "probed" && draft.state.probe?.process !== phase.process) {
    demote(draft, phase, "neard died during the switchover");
    return;
  }
  if (event.is === "probed" && !sealed(phase)) {
    const fault = signingFault(draft.settings, event.probe, phase.key, draft.nowMs);
    if (fault !== null && draft.nowMs - phase.lastGoodMs >= draft.settings.hungMs) {
      drop(draft, phase, fault);
      return;
    }
    if (fault === null) phase = asGood(draft, phase);
  }
  if (event.is === "probed") phase = withHeight(draft, phase, event.probe);
  if (event.is === "tick" || event.is === "observed" || event.is === "probed") check(draft, phase);
}

function check(draft: Draft, phase: HandingPhase): void {
  const { state, nowMs } = draft;
  const waitedMs = nowMs - phase.stepMs;
  // While the switchover waits, nobody would take the old key away before the epoch turns, and neard would end.
  if (!sealed(phase) && isSwapDue(draft, phase.key)) {
    drop(draft, phase, "the account's key changes with the next NEAR epoch, in a moment");
    return;
  }
  switch (phase.step) {
    case "asking":
      if (isAcked(draft, phase)) {
        if (phase.job.window) awaitWindow(draft, phase);
        else shut(draft, phase);
      } else if (waitedMs > ackWithinMs(draft.settings.lease)) {
        const why = whyNot(freshNote(state.watch, phase.job.to, nowMs));
        drop(draft, phase, `${phase.job.to} did not say that it stands ready${why === null ? "" : `: it ${why}`}`);
      }
      return;
    case "window":
      if (phase.windowMs !== null && nowMs >= phase.windowMs) {
        if (isAcked(draft, phase)) shut(draft, phase);
        else drop(draft, phase, `${phase.job.to} no longer stands ready`);
      } else if (waitedMs > windowMaxMs) drop(draft, phase, "no maintenance window came in time");
      return;
    case "verifying": {
      const probe = state.probe;
      if (probe !== null && probe.atMs >= phase.stepMs && probe.answered && probe.validatorKey === null)
        release(draft, phase);
      else if (waitedMs > unloadMaxMs) demote(draft, phase, "neard did not let go of the key");
      else draft.effects.push({ do: "probe-soon" });
      return;
    }
    case "shutting":
    case "unloading":
    case "releasing":
      return;
  }
}

function asGood(draft: Draft, phase: HandingPhase): HandingPhase {
  const good: HandingPhase = { ...phase, lastGoodMs: draft.nowMs };
  draft.state = { ...draft.state, phase: good };
  return good;
}

/** The first answer to a question that was asked behind the shut fence tells how high our last block can be. */
function withHeight(draft: Draft, phase: HandingPhase, { atMs, height }: Probe): HandingPhase {
  const isAfter = (phase.step === "unloading" || phase.step === "verifying") && atMs >= phase.stepMs;
  if (!isAfter || phase.height !== null) return phase;
  const known: HandingPhase = { ...phase, height };
  draft.state = { ...draft.state, phase: known };
  return known;
}

function advance(draft: Draft, phase: HandingPhase): void {
  switch (phase.step) {
    case "shutting":
      step(draft, phase, "unloading", `switchover to ${phase.job.to}: fence shut, takes the key away`);
      ask(draft, { do: "unload-key" });
      // At once, for its head: what neard makes behind the shut fence nobody else will ever see.
      draft.effects.push({ do: "probe-soon" });
      return;
    case "unloading":
      step(draft, phase, "verifying", `switchover to ${phase.job.to}: asks neard whether the key is gone`);
      draft.effects.push({ do: "probe-soon" });
      return;
    case "releasing":
      // The successor may start now; what is left to do concerns this host alone.
      enterDemoting(draft, `handed over to ${phase.job.to}`, { release: null, switchover: phase.job.id });
      return;
    case "asking":
    case "window":
    case "verifying":
      return;
  }
}

/** An effect failed: before the fence shut that ends the switchover, later it ends our holding. */
function stumble(draft: Draft, phase: HandingPhase, { because, certain }: Extract<Event, { is: "failed" }>): void {
  if (phase.step === "window") {
    // None long enough is left in this NEAR epoch, say: the next one has others.
    ask(draft, { do: "find-window", delayMs: windowRetryMs });
  } else if (phase.step === "asking") {
    drop(draft, phase, because);
  } else if (phase.step === "releasing" && !certain && draft.nowMs - phase.stepMs < releaseMaxMs) {
    askRelease(draft, phase, releaseRetryMs);
  } else {
    demote(draft, phase, because);
  }
}

/** Asked only now: what neard says of heights to come is soon out of date. */
function awaitWindow(draft: Draft, phase: HandingPhase): void {
  step(draft, phase, "window", `switchover to ${phase.job.to}: waits for a maintenance window`);
  ask(draft, { do: "find-window" });
}

function shut(draft: Draft, phase: HandingPhase): void {
  step(draft, phase, "shutting", `switchover to ${phase.job.to}: shuts the fence`);
  const job = draft.state.lastSwitchover;
  if (job !== null)
    draft.state = { ...draft.state, lastSwitchover: { ...job, state: "running", because: draft.state.because } };
  draft.effects.push({ do: "forget-lease" });
  ask(draft, { do: "shut", epoch: phase.lease.epoch });
}

function release(draft: Draft, phase: HandingPhase): void {
  step(draft, phase, "releasing", `switchover to ${phase.job.to}: releases the lock`);
  askRelease(draft, phase, 0);
}

function askRelease(draft: Draft, phase: HandingPhase, delayMs: number): void {
  const { session, epoch, seq } = phase.lease;
  const { host } = draft.settings;
  const marker = {
    by: host,
    session,
    to: phase.job.to,
    epoch,
    switchover: phase.job.id,
    because: `switchover from ${host}`,
    height: phase.height,
    deaths: 0,
  };
  ask(draft, { do: "release", session, seq: seq + 1, marker, delayMs });
}

function demote(draft: Draft, phase: HandingPhase, because: string): void {
  enterDemoting(draft, because, {
    release: releaseOf(phase.lease),
    to: phase.job.to,
    switchover: sealed(phase) ? phase.job.id : null,
    height: phase.height,
  });
}

/** Back to `active`, as if nobody had asked. */
function drop(draft: Draft, phase: HandingPhase, because: string): void {
  const job = draft.state.lastSwitchover;
  enter(
    draft,
    {
      name: "active",
      lease: phase.lease,
      process: phase.process,
      lastGoodMs: phase.lastGoodMs,
      key: phase.key,
      swap: null,
      swappedBackIn: null,
      story: phase.story,
    },
    `holds the lease; the switchover to ${phase.job.to} was dropped: ${because}`,
  );
  if (job !== null) draft.state = { ...draft.state, lastSwitchover: { ...job, state: "failed", because } };
  draft.effects.push({ do: "clear-switchover" });
}

function isAcked(draft: Draft, phase: HandingPhase): boolean {
  const note = freshNote(draft.state.watch, phase.job.to, draft.nowMs);
  return note?.ready === true && note.ack === phase.job.id;
}

function step(draft: Draft, phase: HandingPhase, name: HandingPhase["step"], because: string): void {
  enter(draft, { ...phase, step: name, stepMs: draft.nowMs }, because);
}
