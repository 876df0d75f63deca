/** When the fence is fed, and when never again. */
import type { Draft } from "./transitions.ts";
import type { HolderPhase, Phase } from "./types.ts";

/** Once the fence is shut for a switchover, nothing may feed it again. */
export function sealed(phase: Phase): boolean {
  return phase.name === "handing" && phase.step !== "asking" && phase.step !== "window";
}

/** What this host is to others: it validates until its fence shuts, however long a switchover waits for its moment. */
export function phaseRole(phase: Phase): Phase["name"] {
  return phase.name === "handing" && !sealed(phase) ? "active" : phase.name;
}

/** The fence is fed at most this often, however often renewals are confirmed. */
const feedMs = 1000;

/**
 * Feeds the fence up to the deadline, once it is armed for our epoch. A renewal that comes too soon
 * after the last feed is made good by the next tick, so that when renewals stall, the fence always has
 * all of the last one's lease.
 */
export function feed(draft: Draft): void {
  const phase = draft.state.phase as HolderPhase;
  const { lease } = phase;
  if (sealed(phase) || (phase.name === "taking" && phase.step === "arming")) return;
  if (lease.fedUntilMs >= lease.deadlineMs || draft.nowMs - lease.fedMs < feedMs) return;
  draft.effects.push({ do: "feed", epoch: lease.epoch, untilMs: lease.deadlineMs });
  const fed = { ...lease, fedMs: draft.nowMs, fedUntilMs: lease.deadlineMs };
  draft.state = { ...draft.state, phase: { ...phase, lease: fed } };
}
