/** When the fence is fed, and when never again. */
import { type Draft, sealed } from "./transitions.ts";
import type { HolderPhase } from "./types.ts";

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
