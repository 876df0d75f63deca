/**
 * What a standby does about power-off fencing: it calls the roll, gives power devices something to do, and takes what they
 * answer. Whether any of that is needed, and what it proves, is decided in fencing.ts. Pure.
 *
 * Awkward case: an answer that comes late. It counts only if the question was about the term that is being watched now.
 */
import type { PowerProof } from "../../contract/fencing.ts";
import { isSameTerm, isStale, suspectsOf, termOf, unresolved, type Wish } from "./fencing.ts";
import { judgeTakeOver } from "./standby.ts";
import type { Draft } from "./transitions.ts";
import type { Event, Fencing, PowerJob, Settings, State } from "./types.ts";

/** After a try that showed nothing: a device that is down is asked again, but not all the time. */
const retryMs = 5000;
/**
 * Between two looks at a device of a host that says nothing, and after an order that was broken off. That is what a cloud's rate
 * limit regains; where one order after the other is broken off, twice as long each time, up to `retryMs`.
 */
const lookAgainMs = 1000;
/** The edge keeps the bound itself; an answer that still has not come by then never will. */
const lostAnswerMs = 15_000;
/** A device that fails so often in a row is not waited for where the take-over comes in any case. */
const mostFailures = 3;
/** One look; a device that takes longer is of no use for skipping a wait of seconds. */
const lookMs = 3000;

export const noFencing: Fencing = {
  call: null,
  job: null,
  count: 0,
  proofs: [],
  term: null,
  tries: 0,
  failure: null,
  brokenOff: null,
  notBeforeMs: 0,
  last: null,
};

/** Called at every event of a standby, with what its verdict asks for. */
export function pursue(draft: Draft, wish: Wish): void {
  forgetOldTerm(draft);
  callTheRoll(draft);
  const { settings, state, nowMs } = draft;
  const { watch } = state;
  const { job } = state.fencing;
  if (job !== null) {
    const isWanted = (job.what === "off" ? wish.off : wish.look) === job.host;
    const { withinMs } = settings.fencing.devices.find(({ host }) => host === job.host) ?? { withinMs: 0 };
    const isLost = nowMs - job.sinceMs > withinMs + lostAnswerMs;
    if (isWanted && !isLost && isSameTerm(job.term, termOf(watch))) return;
    abandonPower(draft);
    if (isLost && job.what === "off") noteFailure(draft, lost(job));
    else if (job.what === "off" && isSameTerm(job.term, termOf(watch)))
      noteBreak(draft, "this host had something else to wait for meanwhile");
  }
  const { notBeforeMs, failure, brokenOff } = draft.state.fencing;
  // A look that came too early for the next one must not keep an order back.
  const isFirst = failure === null && brokenOff === null;
  if (wish.off !== null && (isFirst || nowMs >= notBeforeMs)) begin(draft, wish.off, "off");
  else if (wish.off === null && wish.look !== null && nowMs >= notBeforeMs) begin(draft, wish.look, "look");
}

function lost({ host }: PowerJob): PowerProof {
  const because = "nothing was heard of the order that was given to its device";
  return { host, device: "none", outcome: "unproven", because, at: "", tookMs: 0 };
}

function begin(draft: Draft, host: string, what: PowerJob["what"]): void {
  const { settings, state, nowMs } = draft;
  const { lock } = state.watch;
  const term = termOf(state.watch);
  const device = settings.fencing.devices.find((one) => one.host === host);
  if (lock === null || term === null || device === undefined) return;
  const number = state.fencing.count + 1;
  const job: PowerJob = { number, host, term, what, sinceMs: nowMs, trouble: null };
  setFencing(draft, { job, count: number });
  const withinMs = what === "look" ? Math.min(lookMs, device.withinMs) : device.withinMs;
  const failures = settings.fencing.mode === "bestEffort" ? mostFailures : null;
  draft.effects.push({ do: "power", job, lock, withinMs, failures });
}

/** Ends what is under way at a device, if anything is: nothing more is sent. What was sent may still take place. */
export function abandonPower(draft: Draft): void {
  const { job } = draft.state.fencing;
  if (job === null) return;
  draft.effects.push({ do: "abandon-power", job: job.number });
  setFencing(draft, { job: null });
}

/** What was known of one term says nothing of another, nor of a holder that has renewed since, nor after a doubt. */
function forgetOldTerm(draft: Draft): void {
  const { fencing, watch } = draft.state;
  const term = termOf(watch);
  if (fencing.term === null ? term === null : isSameTerm(fencing.term, term)) return;
  setFencing(draft, { term, proofs: [], tries: 0, failure: null, brokenOff: null, notBeforeMs: 0 });
}

/** Asks anew for each term, and again when a holder was seen alive in between: an answer counts for what it was asked about. */
function callTheRoll(draft: Draft): void {
  const { settings, state, nowMs } = draft;
  const { fencing, watch } = state;
  const isNeeded =
    settings.fencing.mode !== "off" && isStale(settings, state, nowMs) && suspectsOf(settings, watch).length > 0;
  const term = termOf(watch);
  if (!isNeeded || term === null) {
    if (fencing.call !== null) setFencing(draft, { call: null });
  } else if (!isSameTerm(fencing.call?.term ?? null, term)) {
    setFencing(draft, { call: { number: fencing.count + 1, term }, count: fencing.count + 1 });
  }
}

/** A device's answer, or an operator's word. */
export function takeProof(draft: Draft, event: Event): void {
  forgetOldTerm(draft);
  const { settings, state, nowMs } = draft;
  const { fencing, watch } = state;
  if (event.is === "power-confirmed") {
    if (notConfirmable(settings, state, event.host, nowMs) !== null) return;
    const because = "an operator confirmed that it is off";
    const common = { host: event.host, device: "operator", at: event.at, tookMs: 0, because } as const;
    keep(draft, { ...common, outcome: "confirmed" });
    return;
  }
  if (event.is === "power-trouble" && fencing.job?.number === event.job)
    setFencing(draft, { job: { ...fencing.job, trouble: event.because } });
  if (event.is !== "power-seen" || fencing.job?.number !== event.job) return;
  const { job } = fencing;
  setFencing(draft, { job: null });
  // The question was about a term that is over by now.
  if (!isSameTerm(job.term, termOf(watch))) return;
  if (event.proof.outcome === "off") keep(draft, event.proof);
  else if (job.what === "look") setFencing(draft, { notBeforeMs: draft.nowMs + lookAgainMs });
  // Whoever breaks off has tried nothing.
  else if (event.isBrokenOff) noteBreak(draft, event.proof.because);
  else noteFailure(draft, event.proof);
}

function keep(draft: Draft, proof: PowerProof): void {
  const { fencing } = draft.state;
  const proofs = [...fencing.proofs.filter(({ host }) => host !== proof.host), proof];
  setFencing(draft, { proofs, last: proof, failure: null, brokenOff: null });
}

function noteFailure(draft: Draft, proof: PowerProof): void {
  const failure: PowerProof = { ...proof, outcome: "unproven" };
  const tries = draft.state.fencing.tries + 1;
  setFencing(draft, { failure, last: failure, tries, brokenOff: null, notBeforeMs: draft.nowMs + retryMs });
}

function noteBreak(draft: Draft, because: string): void {
  const count = (draft.state.fencing.brokenOff?.count ?? 0) + 1;
  const waitMs = Math.min(retryMs, lookAgainMs * 2 ** (count - 1));
  setFencing(draft, { brokenOff: { count, because }, notBeforeMs: draft.nowMs + waitMs });
}

function setFencing(draft: Draft, change: Partial<Fencing>): void {
  draft.state = { ...draft.state, fencing: { ...draft.state.fencing, ...change } };
}

/**
 * Whether an operator's word that `host` is off is waited for, and nothing else is: a word that is given before everything
 * else allows the take-over would be one about a moment that is yet to come.
 * @returns null: it is; else what this host does instead, a predicate
 */
export function notConfirmable(settings: Settings, state: State, host: string, nowMs: number): string | null {
  if (state.phase.name !== "standby") return `is ${state.phase.name}, and waits for nobody`;
  if (settings.fencing.mode !== "required") return "waits for nobody to be off: fencing is not required";
  const verdict = judgeTakeOver(settings, state, nowMs);
  if (verdict.act) return "waits for nobody any more";
  if (verdict.gate === undefined) return `waits for something else: ${verdict.because}`;
  const open = unresolved(settings, state);
  return open.includes(host) ? null : `waits for ${open.join(" and ")} to be off, not for ${host}`;
}
