/** What fencing is about now, for status and metrics. Pure. */
import type { FencingStatus } from "../../contract/fencing.ts";
import { proofOf, suspectsOf, underWay, unresolved } from "./fencing.ts";
import { judgeTakeOver } from "./standby.ts";
import type { Settings, State } from "./types.ts";

export function fencingView(settings: Settings, state: State, nowMs: number): Omit<FencingStatus, "devices"> {
  const { mode, skipWait } = settings.fencing;
  const { fencing, watch, phase } = state;
  const common = { mode, skipWait, tries: fencing.tries, last: fencing.last };
  const idle = { ...common, target: null, state: "idle", because: null } as const;
  if (mode === "off" || phase.name !== "standby" || watch.lock === null) return idle;
  if (fencing.job?.what === "off" && fencing.failure === null)
    return { ...common, target: fencing.job.host, state: "running", because: underWay(fencing.job) };
  const verdict = judgeTakeOver(settings, state, nowMs);
  const gate = verdict.act ? undefined : verdict.gate;
  if (gate !== undefined && gate.host !== null && !gate.isStuck && fencing.brokenOff !== null)
    return { ...common, target: gate.host, state: "running", because: gate.because };
  const [open] = unresolved(settings, state);
  // It is this, and nothing else, that this host waits for: also where of several hosts some are known to be off.
  if (open !== undefined && gate?.isStuck)
    return { ...common, target: gate.host ?? open, state: "unproven", because: gate.because };
  const [proof] = suspectsOf(settings, watch).flatMap((host) => proofOf(fencing, watch, host) ?? []);
  if (open !== undefined || proof === undefined) return idle;
  return { ...common, target: proof.host, state: "off", because: proof.because };
}
