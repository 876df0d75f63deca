/**
 * The decision core: (state, event, now) -> (state, effects). No clock, no I/O, no promise in it.
 *
 * A standby follows the lock and takes it when that is safe; a holder renews, feeds the fence and
 * keeps the key live; anything wrong leads to `demoting`, the one way out of power. Each phase has a
 * file of its own; here is what they share and who gets which event.
 */
import { textOf } from "../../contract/wire/format.ts";
import { type HostNote, hostNoteShape } from "../../contract/wire/notes.ts";
import { heedAccount } from "./account.ts";
import { demoteEvent } from "./demoting.ts";
import { doubtNoteFound, keepDoubtNote } from "./doubt-note.ts";
import { abandonPower, noFencing } from "./fencing-steps.ts";
import { keepHeard } from "./heard.ts";
import { holderEvent } from "./holder.ts";
import { notReady } from "./readiness.ts";
import { answersOf, isKeylessAfter } from "./roll-call.ts";
import { heedStandDown } from "./stand-down.ts";
import { ackFor, acksInMs } from "./standby.ts";
import { standbyEvent } from "./standby-phase.ts";
import { noteSwitchoverEnd } from "./switchover-end.ts";
import { type Draft, done, enterDemoting, noteTampering, phaseRole, releaseOf, sealed } from "./transitions.ts";
import type { Event, Lease, Settings, State, Step, Term } from "./types.ts";
import { doubtingWatch, newWatch, observe } from "./watch.ts";

/** What an agent that starts finds on its host. */
export interface Findings {
  /** The lease that an earlier agent saved, of this boot; null when there is none. */
  readonly savedLease: Lease | null;
  /** What it saved besides; null: its version did not. */
  readonly savedTerm: Term | null;
  /** The fence is armed, and for the saved lease's epoch. */
  readonly armed: "no" | "for-lease" | "otherwise";
  readonly keyFilePresent: boolean;
  /** An earlier agent of this boot doubted the lock to the end. */
  readonly isDoubted: boolean;
}

/** What an agent knows before it has looked at anything. */
export function blankState(nowMs: number): State {
  return {
    phase: { name: "standby", attempt: { step: "none", session: null, notBeforeMs: nowMs } },
    because: "starting: has not read the lock yet",
    sinceMs: nowMs,
    watch: newWatch(nowMs),
    tampering: null,
    probe: null,
    keyAvailable: false,
    nextKeyAvailable: false,
    keyPlaceFault: null,
    sight: null,
    sightAskedMs: null,
    heard: null,
    published: null,
    lastSwitchover: null,
    guard: null,
    standDown: null,
    fencing: noFencing,
    doubtNote: doubtNoteFound(false),
    isKeyless: false,
    serial: 0,
  };
}

/** The first step of an agent. It trusts what it finds only if lease, fence and clock agree. */
export function start(settings: Settings, findings: Findings, nowMs: number): Step {
  const { savedLease, savedTerm, armed, keyFilePresent, isDoubted } = findings;
  const blank = blankState(nowMs);
  const state = isDoubted
    ? { ...blank, watch: doubtingWatch(settings.lease, nowMs), doubtNote: doubtNoteFound(isDoubted) }
    : blank;
  const draft: Draft = { settings, state, effects: [], nowMs };
  if (savedLease !== null && armed === "for-lease" && nowMs < savedLease.deadlineMs) {
    draft.state = {
      ...state,
      phase: {
        name: "taking",
        // Renewed at the first tick; until then the old deadline stands, in the kernel too.
        lease: { ...savedLease, lastSentMs: 0 },
        step: "resuming",
        stepMs: nowMs,
        reloads: 0,
        key: settings.publicKey,
        ...(savedTerm ?? unknownTerm(settings, nowMs)),
      },
      because: "goes on after a restart of the agent, with the lease that it found",
    };
  } else if (savedLease !== null || armed !== "no" || keyFilePresent) {
    enterDemoting(draft, "found traces of an ended lease at start", {
      release: savedLease === null ? null : releaseOf(savedLease),
    });
  }
  return done(draft);
}

/** Nobody wrote down how it began, so it counts from now; it is no new take-over all the same. */
function unknownTerm(settings: Settings, nowMs: number): Term {
  return {
    story: {
      from: settings.host,
      kind: "failover",
      because: "the agent was restarted",
      startedMs: nowMs,
      lastSeenMs: nowMs,
      deaths: 0,
      silent: null,
      fenced: null,
    },
    activeMs: nowMs,
  };
}

/** One step. `nowMs` must not go backwards: it is the boot-time clock. */
export function reduce(settings: Settings, before: State, event: Event, nowMs: number): Step {
  const draft: Draft = { settings, state: before, effects: [], nowMs };
  learn(draft, event);
  heedAccount(draft, event);
  keepHeard(draft, event);
  heedStandDown(draft, event);
  switch (draft.state.phase.name) {
    case "standby":
      standbyEvent(draft, event);
      break;
    case "taking":
    case "active":
    case "handing":
      holderEvent(draft, event);
      break;
    case "demoting":
      demoteEvent(draft, event);
      break;
  }
  if (draft.state.phase.name !== "standby") abandonPower(draft);
  draft.state = { ...draft.state, isKeyless: isKeylessAfter(before, draft.state) };
  keepDoubtNote(draft, event, before.watch.isDoubted);
  if (!isValidating(draft.state) && draft.state.heard !== null) draft.state = { ...draft.state, heard: null };
  if (event.is === "tick") publish(draft);
  return done(draft);
}

/** From the moment at which neard has the key to the moment at which the fence shuts. */
function isValidating({ phase }: State): boolean {
  return phase.name === "active" || (phase.name === "handing" && !sealed(phase));
}

/** What every phase learns alike. */
function learn(draft: Draft, event: Event): void {
  const { state, settings, nowMs } = draft;
  if (event.is === "observed") {
    draft.state = { ...state, watch: observe(state.watch, event, settings.lease, nowMs) };
    noteDoubt(draft);
    noteSwitchoverEnd(draft);
  } else if (event.is === "probed") {
    draft.state = { ...state, probe: event.probe };
  } else if (event.is === "key-checked") {
    draft.state = { ...state, keyAvailable: event.available, nextKeyAvailable: event.nextAvailable ?? false };
  } else if (event.is === "unpublished") {
    draft.state = { ...state, published: { text: "", atMs: state.published?.atMs ?? nowMs } };
  } else if (event.is === "place-checked") {
    draft.state = { ...state, keyPlaceFault: event.fault };
  }
}

/** While this host stands down an operator may put Consul's data back, as by `holdfast snapshot restore`. */
function noteDoubt(draft: Draft): void {
  const { watch, standDown } = draft.state;
  if (watch.doubt?.isTampering === true && standDown === null) noteTampering(draft, watch.doubt.because);
}

/** A changed note is written at once, but not more often than this. */
const publishMinMs = 1000;
/** An unchanged one is repeated, so that others know that it is not old. */
const publishMaxMs = 10_000;

/** Tells the others whether this host could take over. */
function publish(draft: Draft): void {
  const { state, settings, nowMs } = draft;
  const fault = state.phase.name === "standby" ? notReady(settings, state, nowMs) : `is ${state.phase.name}`;
  const ack = state.phase.name === "standby" && fault === null ? ackFor(settings, state, nowMs) : null;
  const active = phaseRole(state.phase) === "active";
  const acksMs = state.phase.name === "standby" ? acksInMs(settings, state, nowMs) : 0;
  // In steps of ten: each other text is a write to Consul.
  const acksInS = acksMs === null ? null : 10 * Math.ceil(acksMs / 10_000);
  const asks = state.fencing.call?.number ?? null;
  const clear = answersOf(settings, state, nowMs);
  const { job } = state.fencing;
  const fencing = job?.what === "off" ? job.host : null;
  const note: HostNote = {
    ready: fault === null,
    because: fault ?? "ready",
    ack,
    acksInS,
    active,
    asks,
    clear,
    fencing,
  };
  const text = textOf(hostNoteShape, note);
  const last = state.published;
  const ageMs = last === null ? Number.POSITIVE_INFINITY : nowMs - last.atMs;
  // Somebody waits for any of these: the holder that hands over, then whoever asked for it, and those who would take over.
  // One that could not be written is written again, but not all the time.
  const isFailed = last?.text === "";
  const isAwaited = !isFailed && (ack !== null || active || asks !== null || clear.length > 0) && last?.text !== text;
  if (ageMs < publishMaxMs && (last?.text === text || (ageMs < publishMinMs && !isAwaited))) return;
  // Consul moves no index for a value that is the same: the beat keeps a repeated note from looking old.
  const beat = Math.floor(nowMs / 1000);
  draft.effects.push({ do: "publish", text: JSON.stringify({ ...JSON.parse(text), beat }) });
  draft.state = { ...state, published: { text, atMs: nowMs } };
}
