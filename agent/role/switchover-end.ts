/**
 * How a switchover ended that this host has let go for. Pure.
 *
 * Think of handing over a baby: one says "you have it" when the other holds it, not when the arms are stretched out.
 * The lock is only the stretched arms: a successor that took it may find that it cannot give its neard the key, and
 * gives it back. So it is done when the successor says in Consul that it is active, under a later epoch than ours.
 * Awkward case: nobody takes the lock at all. Then it goes on, and whoever waits for it has a bound of their own.
 */
import { cleanMarker, type LockView } from "../lease/lock-record.ts";
import type { Draft } from "./transitions.ts";
import type { SwitchoverOutcome, Watch } from "./types.ts";

export function noteSwitchoverEnd(draft: Draft): void {
  const { lastSwitchover: job, watch, phase } = draft.state;
  if (job === null || job.state !== "running" || phase.name === "handing") return;
  const seen = outcomeOf(job, watch);
  if (seen !== null) draft.state = { ...draft.state, lastSwitchover: { ...job, ...seen } };
}

/** Null: nothing has happened since this host let go, as far as can be told. */
function outcomeOf(job: SwitchoverOutcome, watch: Watch): Pick<SwitchoverOutcome, "state" | "because"> | null {
  const { lock } = watch;
  // LockIndex moves with every acquisition, and with none of our own renewals and our release.
  if (lock === null || lock.lockIndex === job.epoch) return null;
  if (lock.session === null) return { state: "failed", because: givenBack(job.to, lock) };
  if (lock.value === null) return null;
  const { host } = lock.value;
  const took = `${host} took over with epoch ${lock.lockIndex}`;
  if (host !== job.to) return { state: "failed", because: took };
  if (watch.notes[host]?.isActive === true) return { state: "done", because: took };
  return { state: "running", because: `${host} has taken the lock and brings the key to its neard` };
}

function givenBack(to: string, lock: LockView): string {
  const marker = cleanMarker(lock);
  const who = marker?.by ?? lock.value?.host ?? to;
  return `${who} took the lock and let it go again${marker === null ? "" : `: ${marker.because}`}`;
}
