/** What fencing is about now, for status and metrics. Pure. */
import type { FencingStatus } from "../../contract/fencing.ts";
import { fencingGate, suspectsOf, termOf, underWay } from "./fencing.ts";
import { judgeTakeOver } from "./standby.ts";
import type { Settings, State } from "./types.ts";

export function fencingView(settings: Settings, state: State, nowMs: number): Omit<FencingStatus, "devices"> {
  const { mode, skipWait } = settings.fencing;
  const { fencing, watch, phase } = state;
  const common = { mode, skipWait, tries: fencing.tries, last: fencing.last };
  const idle = { ...common, target: null, state: "idle", because: null } as const;
  if (mode === "off" || phase.name !== "standby" || watch.lock === null) return idle;
  const [suspect] = suspectsOf(settings, watch);
  if (fencing.job?.what === "off")
    return { ...common, target: fencing.job.host, state: "running", because: underWay(fencing.job) };
  const proof = fencing.proofs.find(({ host }) => host === suspect);
  const { epoch } = termOf(watch.lock);
  if (proof !== undefined && fencing.term?.epoch === epoch)
    return { ...common, target: proof.host, state: "off", because: proof.because };
  const gate = fencingGate(settings, state, nowMs);
  if (gate === null || !gate.isStuck || !isStopped(settings, state, gate.because, nowMs)) return idle;
  return { ...common, target: gate.host ?? suspect ?? null, state: "unproven", because: gate.because };
}

/** It is this, and nothing else, that this host waits for. */
function isStopped(settings: Settings, state: State, because: string, nowMs: number): boolean {
  const verdict = judgeTakeOver(settings, state, nowMs);
  return !verdict.act && verdict.because === because;
}
