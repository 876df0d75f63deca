/**
 * What every phase with a lease shares: renew, feed, and give way the moment the lease is not ours.
 *
 * Think of a parking ticket: it counts from when you paid, not from when you got back to the car. A
 * renewal's answer extends the lease from the moment the renewal was *sent*.
 * Awkward case: a paused machine. On waking, the first thing that any event meets is the check
 * whether the ticket ran out.
 */
import { activeEvent } from "./active.ts";
import { feed } from "./feeding.ts";
import { handingEvent } from "./handing.ts";
import { takingEvent } from "./taking.ts";
import { type Draft, enterDemoting, noteTampering, releaseOf, saveLease, sealed } from "./transitions.ts";
import type { Event, HolderPhase, Lease } from "./types.ts";

export function holderEvent(draft: Draft, event: Event): void {
  const phase = draft.state.phase as HolderPhase;
  const { lease } = phase;
  if (event.is === "renew-refused" && event.session === lease.session) {
    // It may be our own release that the renewal came after.
    const switchover = phase.name === "handing" && phase.step === "releasing" ? phase.job.id : null;
    // Nobody may take a lock whose lease lives, and no session ends by itself while it is renewed.
    if (switchover === null && draft.nowMs < lease.deadlineMs && draft.state.standDown === null)
      noteTampering(draft, `${draft.settings.host} lost the lock under a lease that lived: ${event.because}`);
    enterDemoting(draft, `lost the lock: ${event.because}`, { release: null, switchover });
    return;
  }
  if (event.is === "renewed" && event.session === lease.session && !renewed(draft, phase, event)) return;
  if (draft.nowMs >= leaseOf(draft).deadlineMs) {
    enterDemoting(draft, "the lease ran out: no renewal was confirmed in time", { release: releaseOf(lease) });
    return;
  }
  if (event.is === "tick") {
    renew(draft);
    feed(draft);
  }
  switch (phase.name) {
    case "taking":
      takingEvent(draft, event);
      return;
    case "active":
      activeEvent(draft, event);
      return;
    case "handing":
      handingEvent(draft, event);
      return;
  }
}

function leaseOf(draft: Draft): Lease {
  return (draft.state.phase as HolderPhase).lease;
}

/** A confirmed renewal moves the deadline, unless a later one has moved it further. False: it ended the phase. */
function renewed(draft: Draft, phase: HolderPhase, event: Extract<Event, { is: "renewed" }>): boolean {
  if (event.lockIndex !== phase.lease.epoch) {
    // Somebody unlocked and locked in between, or wrote the key: another epoch is another right, and not ours.
    noteTampering(draft, `the lock's epoch went from ${phase.lease.epoch} to ${event.lockIndex} under its holder`);
    enterDemoting(draft, `the lock's epoch is ${event.lockIndex}, ours was ${phase.lease.epoch}`, { release: null });
    return false;
  }
  const deadlineMs = event.sentMs + draft.settings.lease.leaseMs;
  if (deadlineMs <= phase.lease.deadlineMs) return true;
  const lease = { ...phase.lease, deadlineMs };
  draft.state = { ...draft.state, phase: { ...phase, lease } };
  if (sealed(phase)) return true;
  saveLease(draft);
  feed(draft);
  return true;
}

/**
 * Every `renewMs` a renewal, and twice as often while the last one is not confirmed: a hung request or an
 * election must not cost the lease.
 */
function renew(draft: Draft): void {
  const phase = draft.state.phase as HolderPhase;
  const { settings, nowMs } = draft;
  let lease = phase.lease;
  const { renewMs, leaseMs, stopMs } = settings.lease;
  const isConfirmed = lease.deadlineMs - leaseMs >= lease.lastSentMs;
  if (nowMs - lease.lastSentMs >= (isConfirmed ? renewMs : renewMs / 2)) {
    lease = { ...lease, lastSentMs: nowMs, seq: lease.seq + 1 };
    // An agent that was started with a shorter lease than the one before has what that one left.
    const heardMs = Math.ceil(Math.max(leaseMs, lease.deadlineMs - nowMs) + stopMs);
    draft.effects.push({ do: "renew", session: lease.session, epoch: lease.epoch, seq: lease.seq, heardMs });
  }
  if (nowMs - lease.sessionRenewedMs >= settings.lease.sessionTtlMs / 3) {
    lease = { ...lease, sessionRenewedMs: nowMs };
    draft.effects.push({ do: "renew-session", session: lease.session });
  }
  draft.state = { ...draft.state, phase: { ...phase, lease } };
}
