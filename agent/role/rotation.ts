/**
 * Rotation: the account's key on chain is changed, and the holder's neard goes over to the other one and never stops.
 *
 * A neard that still has the old key at the first block of the NEAR epoch in which the new one counts ends itself; one
 * that had the new key before signs what nobody takes, and peers ban whoever sends them such a block. So neither is
 * in it when the epoch turns: the check is not made of a neard without a key (facts: key hot swap).
 *
 *   unloading   three blocks before the earliest possible start of the next NEAR epoch: key file away, SIGHUP
 *   absent      until the chain says that the new key counts
 *   loading     the new key's file, SIGHUP
 *   verifying   neard itself says that it has the new one
 * That costs some five blocks of an epoch's 43,200. A chain that does not get to its next epoch in time, for want of our
 * own signatures perhaps, gets the old key back; neard then ends at the epoch's start, and a standby takes over.
 *
 * Why it is safe: both keys are the account's, so one more holder with either would be a second signer; and both go the
 * same way: into the one file, on the host that holds the lease, behind the fence of its epoch, which is armed, fed and
 * shut as if nothing happened. Whatever ends the lease meanwhile ends as always, with neard killed and that file erased.
 */
import { isEpochEndNear } from "./account.ts";
import { countingKey, isSealed } from "./keys.ts";
import { ask, type Draft, enterDemoting, releaseOf, say } from "./transitions.ts";
import type { ActivePhase, Event, Swap } from "./types.ts";

/** Two seconds at 0.6 s a block: a probe a second sees it, and an unload takes milliseconds. */
const leadBlocks = 3;
/** An epoch that has not begun by then is held up by something. */
const absentMaxMs = 20_000;
/** neard applies a reload within about 1 s; a SIGHUP can be lost (facts). */
const reloadMs = 1500;
const maxReloads = 4;

/** An active holder's part of each event. True: this event was a swap's, and nothing else is to be read from neard's key. */
export function swapKey(draft: Draft, event: Event): boolean {
  const phase = draft.state.phase as ActivePhase;
  const { swap } = phase;
  if (swap === null) {
    if (event.is === "tick" || event.is === "probed" || event.is === "account-seen") begin(draft, phase);
  } else if ((event.is === "done" || event.is === "failed") && event.serial === draft.state.serial) {
    if (event.is === "failed") giveWay(draft, `neard could not be given the other key: ${event.because}`);
    else step(draft, swap, swap.step === "unloading" ? "absent" : "verifying");
  } else if (event.is === "tick" || event.is === "probed" || event.is === "account-seen") {
    if (swap.step === "absent") whileAbsent(draft, phase, swap);
    else if (swap.step === "verifying") verify(draft, phase, swap);
  }
  const after = draft.state.phase;
  return swap !== null || after.name !== "active" || after.swap !== null;
}

/** The key that neard has counts for some blocks more, and the next one is here. */
export function isSwapDue({ settings, state }: Draft, key: string): boolean {
  const { sight } = state;
  if (sight === null || countingKey(sight) !== key || sight.nextKey === key) return false;
  return isSealed(settings, state, sight.nextKey) && isEpochEndNear(state, leadBlocks);
}

function begin(draft: Draft, phase: ActivePhase): void {
  const { settings, state, nowMs } = draft;
  const { sight } = state;
  if (sight === null) return;
  const counting = countingKey(sight);
  const blank = { stepMs: nowMs, startedMs: nowMs, reloads: 0, fromHeight: sight.nextStartHeight ?? 0 };
  // What was answered before this host took over may be of the NEAR epoch before: the take-over went by the head.
  const isOwnAnswer = sight.atMs >= state.sinceMs;
  if (counting !== phase.key && isOwnAnswer && isSealed(settings, state, counting)) {
    // It counts already, or there is no duty before it does.
    load(draft, { ...blank, step: "loading", to: counting });
    return;
  }
  const { nextKey } = sight;
  if (nextKey === null || phase.swappedBackIn === sight.nearEpoch || !isSwapDue(draft, phase.key)) return;
  setSwap(draft, { ...blank, step: "unloading", to: nextKey });
  say(draft, "holds the lease; the account's key changes with the next NEAR epoch: takes the old one away");
  ask(draft, { do: "unload-key" });
}

function whileAbsent(draft: Draft, phase: ActivePhase, swap: Swap): void {
  const { settings, state, nowMs } = draft;
  const sight = state.sight !== null && state.sight.atMs >= swap.startedMs ? state.sight : null;
  const counting = countingKey(sight);
  if (counting !== null && counting !== phase.key && isSealed(settings, state, counting)) {
    load(draft, { ...swap, to: counting });
  } else if (counting === phase.key && (sight?.nextStartHeight ?? 0) > swap.fromHeight) {
    // An answer that was made while an epoch turned may have the keys of one and the height of another: it was too early.
    load(draft, { ...swap, to: phase.key });
  } else if (nowMs - swap.startedMs > absentMaxMs) {
    setPhase(draft, { swappedBackIn: state.sight?.nearEpoch ?? null });
    load(draft, { ...swap, to: phase.key });
  } else if (nowMs - swap.stepMs > reloadMs && hasAnswered(draft, swap) && state.probe?.validatorKey != null) {
    step(draft, swap, "unloading");
    ask(draft, { do: "unload-key" });
  }
}

function verify(draft: Draft, phase: ActivePhase, swap: Swap): void {
  const { state, nowMs } = draft;
  if (hasAnswered(draft, swap) && state.probe?.validatorKey === swap.to) {
    const isBack = swap.to === phase.key;
    setPhase(draft, { key: swap.to, swap: null, lastGoodMs: nowMs });
    say(draft, `holds the lease; neard has the ${isBack ? "old key again: it still counts" : "new key"}`);
  } else if (nowMs - swap.stepMs <= reloadMs) {
    draft.effects.push({ do: "probe-soon" });
  } else if (swap.reloads >= maxReloads) {
    giveWay(draft, `neard did not take the other key after ${maxReloads} reloads`);
  } else {
    load(draft, { ...swap, reloads: swap.reloads + 1 });
  }
}

function hasAnswered({ state: { probe } }: Draft, swap: Swap): boolean {
  return probe?.answered === true && probe.atMs >= swap.stepMs;
}

function load(draft: Draft, swap: Swap): void {
  step(draft, swap, "loading");
  say(draft, "holds the lease; gives neard the key that counts now");
  ask(draft, { do: "load-key", key: swap.to });
}

function step(draft: Draft, swap: Swap, name: Swap["step"]): void {
  setSwap(draft, { ...swap, step: name, stepMs: draft.nowMs });
  if (name === "verifying" || name === "absent") draft.effects.push({ do: "probe-soon" });
}

function setSwap(draft: Draft, swap: Swap): void {
  setPhase(draft, { swap });
}

function setPhase(draft: Draft, change: Partial<ActivePhase>): void {
  draft.state = { ...draft.state, phase: { ...(draft.state.phase as ActivePhase), ...change } };
}

/** A process whose key was unloaded never lives on: whatever it has now, it is killed. */
function giveWay(draft: Draft, because: string): void {
  const { lease } = draft.state.phase as ActivePhase;
  enterDemoting(draft, because, { release: releaseOf(lease) });
}
