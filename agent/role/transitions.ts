/** What the phases share: a draft of the step under way, numbered effects, and the way out of power. */
import type { Effect, HolderPhase, Lease, Phase, Settings, State, Step, Term } from "./types.ts";

/** A step being made. Only the functions of agent/role touch it, within one call of `reduce`. */
export interface Draft {
  readonly settings: Settings;
  state: State;
  readonly effects: Effect[];
  readonly nowMs: number;
}

/** Once the fence is shut for a switchover, nothing may feed it again. */
export function sealed(phase: Phase): boolean {
  return phase.name === "handing" && phase.step !== "asking" && phase.step !== "window";
}

/** What this host is to others: it validates until its fence shuts, however long a switchover waits for its moment. */
export function phaseRole(phase: Phase): Phase["name"] {
  return phase.name === "handing" && !sealed(phase) ? "active" : phase.name;
}

export function done(draft: Draft): Step {
  return { state: draft.state, effects: draft.effects };
}

type NeedsSerial = Extract<Effect, { serial: number }>;
type WithoutSerial<E> = E extends { serial: number } ? Omit<E, "serial"> : never;

/** Asks for an effect whose answer carries the new serial; answers to earlier ones no longer count. */
export function ask(draft: Draft, effect: WithoutSerial<NeedsSerial>): void {
  const serial = draft.state.serial + 1;
  draft.state = { ...draft.state, serial };
  draft.effects.push({ ...effect, serial } as Effect);
}

/** Enters a phase; `sinceMs` moves only when what this host is does. */
export function enter(draft: Draft, phase: Phase, because: string): void {
  const { state, nowMs } = draft;
  draft.state = {
    ...state,
    phase,
    because,
    sinceMs: phaseRole(phase) === phaseRole(state.phase) ? state.sinceMs : nowMs,
  };
}

/** Somebody tampers with the lock: told by status, metrics and history, and remembered while this agent runs. */
export function noteTampering(draft: Draft, because: string): void {
  const count = (draft.state.tampering?.count ?? 0) + 1;
  draft.state = { ...draft.state, tampering: { count, atMs: draft.nowMs, because } };
}

/** Says anew why the phase is what it is. */
export function say(draft: Draft, because: string): void {
  draft.state = { ...draft.state, because };
}

/** What is to be known of this host's term by the agent that comes after this one. */
export function termOf({ phase, sinceMs }: State & { readonly phase: HolderPhase }): Term {
  return { story: phase.story, activeMs: phase.name === "taking" ? phase.activeMs : sinceMs };
}

/** Written down at once: an agent may end at any moment. */
export function saveLease(draft: Draft): void {
  const state = draft.state as State & { readonly phase: HolderPhase };
  draft.effects.push({ do: "save-lease", lease: state.phase.lease, term: termOf(state) });
}

export type Release = { readonly session: string; readonly epoch: number; readonly seq: number };

export function releaseOf(lease: Lease): Release {
  return { session: lease.session, epoch: lease.epoch, seq: lease.seq };
}

/**
 * The one way out of power: shut the fence, kill neard, erase the key, release, disarm, start a
 * fresh neard; see demoting.ts.
 */
export function enterDemoting(
  draft: Draft,
  because: string,
  options: {
    release: Release | null;
    to?: string | null;
    switchover?: string | null;
    height?: number | null;
    /** As in DemotingPhase. */
    deaths?: number;
  },
): void {
  const before = draft.state.phase;
  const epoch = options.release?.epoch ?? ("lease" in before ? before.lease.epoch : null);
  const phase: Phase = {
    name: "demoting",
    step: "shutting",
    stepMs: draft.nowMs,
    isShut: false,
    isEnded: false,
    epoch,
    release: options.release,
    to: options.to ?? null,
    switchover: options.switchover ?? null,
    height: options.height ?? null,
    deaths: options.deaths ?? 0,
    because,
  };
  enter(draft, phase, because);
  failSwitchover(draft, because, options.switchover ?? null);
  ask(draft, { do: "shut", epoch });
}

/** A running switchover that did not get as far as its release has failed. */
export function failSwitchover(draft: Draft, because: string, unless: string | null): void {
  const job = draft.state.lastSwitchover;
  if (job === null || job.id === unless || (job.state !== "waiting" && job.state !== "running")) return;
  draft.state = { ...draft.state, lastSwitchover: { ...job, state: "failed", because } };
  draft.effects.push({ do: "clear-switchover" });
}
