/**
 * Power-off fencing: who may still run although the lease rule is over for him, and what proves that he does not. Pure.
 *
 * The lease rule counts on the old host's clock. A virtual machine that is paused with its clocks goes on, when it is
 * resumed, with what its lease had left; so before a take-over it is to be shown that whoever may hold a lease has none:
 * he says so himself (the roll call), or his power is off.
 *
 *   who       whom a sealed record of the lock names as its holder; all others, where the record proves nothing
 *   proof     a sealed answer to our own question, or a device's `off` that was read after the record was: the term that
 *             was under way then is dead, whatever runs there later. It counts for that term of the lock alone
 *   when      only in the moment in which this host would take over if there were no fencing: it is ready, the wait is
 *             over by the lease rule, and no better standby goes first. Nobody is powered off on a suspicion
 * Awkward case: a host that lost its lease and lives (an election that took too long, a session that somebody destroyed).
 * Its answer to the roll call spares it; so it is asked while the wait still runs.
 */
import type { PowerProof } from "../../contract/fencing.ts";
import { cleanMarker, type LockView } from "../lease/lock-record.ts";
import type { Draft } from "./transitions.ts";
import type { Event, Fencing, LockTerm, PowerJob, Settings, State, Watch } from "./types.ts";
import { freshNote, isUnbroken } from "./watch.ts";

/** After a try that showed nothing: a device that is down is asked again, but not all the time. */
const retryMs = 5000;
/**
 * A holder whose session is gone, and that lives, gives way when its lease is over, which is just before the wait is; then it
 * can say so. Consul's lock-delay keeps the lock from everybody for longer than this anyway.
 */
const answerMs = 3000;
/** Between two looks at a device of a host that says nothing. */
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
  notBeforeMs: 0,
  last: null,
};

export function termOf(lock: LockView): LockTerm {
  return { epoch: lock.lockIndex, session: lock.value?.session ?? null, seq: lock.value?.seq ?? null };
}

function isSameTerm(a: LockTerm | null, b: LockTerm | null): boolean {
  return a !== null && b !== null && a.epoch === b.epoch && a.session === b.session && a.seq === b.seq;
}

/** The record proves who held last: a host of ours wrote it where it is, and nothing is wrong with the lock. */
export function isRecordProof({ lock, isDoubted }: Watch): boolean {
  return lock !== null && lock.seal === "right" && lock.lockIndex > 0 && !isDoubted;
}

/** Hosts that may hold a lease which nobody can see, as far as the lock tells. This host knows of itself that it does not. */
export function suspectsOf({ host: own, peers }: Settings, watch: Watch): readonly string[] {
  const { lock } = watch;
  if (lock === null) return [];
  if (!isRecordProof(watch)) return peers.map(({ host }) => host).filter((host) => host !== own);
  if (cleanMarker(lock) !== null) return [];
  const holder = lock.value?.host;
  return holder === undefined || holder === own ? [] : [holder];
}

/** Those of them that neither said that they hold nothing nor are known to be off. */
function unresolved(settings: Settings, { watch, fencing }: State): string[] {
  if (watch.lock === null) return [];
  const term = termOf(watch.lock);
  const called = isSameTerm(fencing.call?.term ?? null, term) ? fencing.call : null;
  return suspectsOf(settings, watch).filter(
    (host) =>
      proofOf(fencing, term, host) === null && !(called !== null && watch.notes[host]?.cleared === called.number),
  );
}

function proofOf(fencing: Fencing, term: LockTerm, host: string): PowerProof | null {
  return isSameTerm(fencing.term, term) ? (fencing.proofs.find((proof) => proof.host === host) ?? null) : null;
}

/** What stands between this host and a take-over that the lease rule allows. */
export interface Gate {
  readonly because: string;
  /** Whose power is to be cut; null: nobody's, for it is not known whose. */
  readonly host: string | null;
  /** Nothing that this host does by itself will open it, as far as can be told: an operator should look. */
  readonly isStuck: boolean;
}

/** Null: fencing has nothing against a take-over. Asked where everything else allows it. */
export function fencingGate(settings: Settings, state: State, nowMs: number): Gate | null {
  const { mode, devices } = settings.fencing;
  if (mode === "off") return null;
  const open = unresolved(settings, state);
  const [host] = open;
  if (host === undefined) return null;
  const { watch, fencing } = state;
  if (!isRecordProof(watch)) {
    if (mode === "bestEffort") return null;
    const isNew = watch.lock?.lockIndex === 0 && watch.lock.seal === "right" && !watch.isDoubted;
    const who = isNew ? "nobody ever held the lock" : "the lock does not prove who held it";
    const because = `fencing is required, and ${who}: waits for ${open.join(" and ")} to say that nothing is held there`;
    return { because, host: null, isStuck: true };
  }
  const isTried = watch.lock !== null && isSameTerm(fencing.term, termOf(watch.lock)) && fencing.failure !== null;
  if (isTried && mode === "bestEffort") return null;
  if (!devices.some((device) => device.host === host))
    return mode === "bestEffort"
      ? null
      : { because: `fencing is required, and ${host} has no power device`, host: null, isStuck: true };
  const isAnswering = watch.lock?.session === null && nowMs - watch.changedMs < settings.lease.takeoverMs + answerMs;
  if (isAnswering && fencing.job === null)
    return {
      because: `${host} lost its session: waits a moment for it to say that it holds nothing`,
      host: null,
      isStuck: false,
    };
  if (fencing.job?.what === "off") return { because: underWay(fencing.job), host, isStuck: false };
  const failed = isTried
    ? `fencing is required, and ${host} could not be shown to be off (${times(fencing.tries)}): ${fencing.failure.because}`
    : `${host} may still run: its power is to be cut first`;
  return { because: failed, host, isStuck: isTried };
}

/** What is being done, and why it takes its time. */
export function underWay({ host, trouble }: PowerJob): string {
  return `cuts the power of ${host}, which may still run${trouble === null ? "" : `; so far: ${trouble}`}`;
}

const times = (count: number): string => (count === 1 ? "1 try" : `${count} tries`);

/**
 * With `skipWait`: the host that the record names was shown to be off since the record was read. As with a clean marker
 * only of a holder that was watched, for that nobody else is in office besides follows from that alone.
 */
export function provenOff(settings: Settings, { watch, fencing }: State): boolean {
  const { lock } = watch;
  if (!settings.fencing.skipWait || lock === null || !isRecordProof(watch)) return false;
  const proof = proofOf(fencing, termOf(lock), lock.value?.host ?? "");
  return proof?.outcome === "off";
}

/** What a take-over that begins now tells of the old host's power. */
export function fencedFor(settings: Settings, { watch, fencing }: State): PowerProof | null {
  if (settings.fencing.mode === "off" || watch.lock === null) return null;
  const term = termOf(watch.lock);
  const proof =
    proofOf(fencing, term, watch.lock.value?.host ?? "") ?? (isSameTerm(fencing.term, term) ? fencing.proofs[0] : null);
  return proof ?? (isSameTerm(fencing.term, term) ? fencing.failure : null);
}

/** Another standby is at it: two that do the same get in each other's way at the device, and gain nothing. */
export function whoFences(
  { host: own, peers }: Settings,
  { watch }: State,
  host: string,
  nowMs: number,
): string | null {
  const peer = peers.find((one) => one.host !== own && freshNote(watch, one.host, nowMs)?.fencing === host);
  return peer?.host ?? null;
}

/** What a standby wants of fencing in this moment, by its verdict. */
export interface Wish {
  /** The host whose power is to be cut; null: nobody's. */
  readonly off: string | null;
  /** The host of which it is worth knowing whether it is off; null: none. */
  readonly look: string | null;
}

/** The lock stands still for longer than a holder that lives leaves it: who may hold is asked, while the wait still runs. */
export function isStale(settings: Settings, { watch }: State, nowMs: number): boolean {
  const { lock } = watch;
  if (lock === null || !isUnbroken(watch, settings.lease.unbrokenMs, nowMs)) return false;
  return lock.session === null || !isRecordProof(watch) || nowMs - watch.changedMs >= settings.lease.leaseMs / 2;
}

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
    if (isWanted && !isLost && isSameTerm(job.term, watch.lock === null ? null : termOf(watch.lock))) return;
    abandonPower(draft);
    if (isLost && job.what === "off") noteFailure(draft, lost(job));
  }
  const { notBeforeMs, failure } = draft.state.fencing;
  // A look that came too early for the next one must not keep an order back.
  if (wish.off !== null && (failure === null || nowMs >= notBeforeMs)) begin(draft, wish.off, "off");
  else if (wish.off === null && wish.look !== null && nowMs >= notBeforeMs) begin(draft, wish.look, "look");
}

function lost({ host }: PowerJob): PowerProof {
  const because = "nothing was heard of the order that was given to its device";
  return { host, device: "none", outcome: "unproven", because, at: "", tookMs: 0 };
}

function begin(draft: Draft, host: string, what: PowerJob["what"]): void {
  const { settings, state, nowMs } = draft;
  const { lock } = state.watch;
  const device = settings.fencing.devices.find((one) => one.host === host);
  if (lock === null || device === undefined) return;
  const number = state.fencing.count + 1;
  const job: PowerJob = { number, host, term: termOf(lock), what, sinceMs: nowMs, trouble: null };
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

/** What was known of one term says nothing of another, nor of a holder that has renewed since. */
function forgetOldTerm(draft: Draft): void {
  const { fencing, watch } = draft.state;
  const term = watch.lock === null ? null : termOf(watch.lock);
  if (fencing.term === null ? term === null : isSameTerm(fencing.term, term)) return;
  setFencing(draft, { term, proofs: [], tries: 0, failure: null, notBeforeMs: 0 });
}

/** Asks anew for each term, and again when a holder was seen alive in between: an answer counts for what it was asked about. */
function callTheRoll(draft: Draft): void {
  const { settings, state, nowMs } = draft;
  const { fencing, watch } = state;
  const isNeeded =
    settings.fencing.mode !== "off" && isStale(settings, state, nowMs) && suspectsOf(settings, watch).length > 0;
  const term = watch.lock === null ? null : termOf(watch.lock);
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
  if (watch.lock === null || !isSameTerm(job.term, termOf(watch.lock))) return;
  if (event.proof.outcome === "off") keep(draft, event.proof);
  else if (job.what === "look") setFencing(draft, { notBeforeMs: draft.nowMs + lookAgainMs });
  else noteFailure(draft, event.proof);
}

function keep(draft: Draft, proof: PowerProof): void {
  const { fencing } = draft.state;
  const proofs = [...fencing.proofs.filter(({ host }) => host !== proof.host), proof];
  setFencing(draft, { proofs, last: proof, failure: null });
}

function noteFailure(draft: Draft, proof: PowerProof): void {
  const failure: PowerProof = { ...proof, outcome: "unproven" };
  const tries = draft.state.fencing.tries + 1;
  setFencing(draft, { failure, last: failure, tries, notBeforeMs: draft.nowMs + retryMs });
}

function setFencing(draft: Draft, change: Partial<Fencing>): void {
  draft.state = { ...draft.state, fencing: { ...draft.state.fencing, ...change } };
}

/** Whether an operator's word that `host` is off is waited for; null: it is, else why not, for the middle of a sentence. */
export function notConfirmable(settings: Settings, state: State, host: string, nowMs: number): string | null {
  if (state.phase.name !== "standby") return `${settings.host} is ${state.phase.name}, and waits for nobody`;
  if (settings.fencing.mode !== "required") return "fencing is not required, so nobody waits for that";
  if (!isStale(settings, state, nowMs)) return "the lock is held and renewed, or Consul does not confirm it";
  if (!unresolved(settings, state).includes(host)) return `${settings.host} does not wait for ${host} to be off`;
  return null;
}
