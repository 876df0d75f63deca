/**
 * Standing down: told so over its socket, an agent neither holds nor takes over until it is told to
 * stand up again, or its time is over, whatever Consul says meanwhile.
 *
 * Think of everybody leaving the track before the points are set anew: that is for changes to Consul
 * itself, such as restoring a snapshot, after which what the lock says need not be true.
 * Awkward case: afterwards, nothing that was seen before counts. The watch begins as that of an agent
 * that has just started, so the wait is a whole `takeoverMs`. What was doubted before is doubted still, and waited for
 * as long as it was to be: the order may be over because somebody did not let go. (What looks odd meanwhile is the
 * change that it was for.) An agent that is restarted forgets that it stands down, and begins with that same wait.
 */
import { abandonAttempt } from "./standby-phase.ts";
import { type Draft, enterDemoting, releaseOf } from "./transitions.ts";
import type { Event } from "./types.ts";
import { newWatch } from "./watch.ts";

export function heedStandDown(draft: Draft, event: Event): void {
  const { standDown, phase, watch } = draft.state;
  if (event.is === "stand-down") {
    const untilMs = Math.max(event.order.untilMs, standDown?.untilMs ?? 0);
    const { wasDoubted, overMs } = standDown ?? { wasDoubted: watch.isDoubted, overMs: watch.overMs };
    draft.state = { ...draft.state, standDown: { ...event.order, untilMs, wasDoubted, overMs } };
    const because = `stands down: ${event.order.because}`;
    if ("lease" in phase) enterDemoting(draft, because, { release: releaseOf(phase.lease) });
    else if (phase.name === "standby") abandonAttempt(draft, because);
    return;
  }
  if (standDown === null) return;
  const isOver = event.is === "tick" && draft.nowMs >= standDown.untilMs;
  if (!isOver && !(event.is === "stand-up" && event.id === standDown.id)) return;
  const overMs = Math.max(standDown.overMs, draft.nowMs);
  const anew = { ...newWatch(draft.nowMs), isDoubted: standDown.wasDoubted, overMs };
  draft.state = { ...draft.state, standDown: null, watch: anew, guard: null };
}
