/**
 * One host at a time: decides what an apply that disturbs Consul or neard does next. Pure: what was seen
 * and the time come in, one decision goes out.
 *
 * Think of a single-track railway: one token for the line, and a train that finds the token lying on the
 * track instead of in the box stops, for something happened to the one before.
 *
 * Three phases. `decideWaiting`, without the lock, until it says `acquire`; `decideLocked`, with it, until
 * it says `apply`; `decideRestart`, right before Consul itself is restarted. Awkward cases: Consul without a quorum, where restarting this host's dead Consul is the
 * cure (so we go on without the lock rather than wait for ever); an earlier apply of this very host that was
 * killed (its session would hold the lock until its TTL: only we can have made it, so we end it); the
 * active host, which lets all others go first and gives the key away before anything is touched; the host whose server leads
 * Consul, which goes before that one and after the rest, and hands leadership over; an agent of which
 * nothing can be told, which may well be active: only a host that surely has none is without one.
 */

import type { ErrorCode } from "../../contract/errors.ts";
import { units } from "../../contract/paths.ts";
import type { AgentRole } from "../../contract/wire/agent-status.ts";
import type { Heir } from "../../host/consul/voters.ts";
import type { MaintenanceView, ServerReserve } from "./store.ts";

export interface MaintenanceBounds {
  /** The whole wait for the other hosts: one of them may be waiting for hours until its neard is in sync. */
  readonly waitMs: number;
  /** How long Consul may be without an answer before we stop waiting for it. */
  readonly silenceMs: number;
  /** The active host competes only for a lock that has been free this long; where Consul is disturbed, its leader does, and the active host waits twice as long. */
  readonly freeMs: number;
  /** From the lock until this host is a standby and Consul can spare this server. */
  readonly readyMs: number;
  /** An agent that has not run for this long is not waited for: with the default timing it has no lease any more. */
  readonly agentSilenceMs: number;
  /** How long Consul may take until another server leads, before its leader is restarted all the same. */
  readonly handOverMs: number;
}

export const defaultBounds: MaintenanceBounds = {
  waitMs: 20 * 60_000,
  silenceMs: 30_000,
  freeMs: 3_000,
  readyMs: 120_000,
  agentSilenceMs: 15_000,
  handOverMs: 12_000,
};

/** What one look at the cluster and at this host gave. */
export interface Observation {
  /** Null: no answer that a quorum stands behind. */
  readonly view: MaintenanceView | null;
  /** Whether this host's own Consul runs and answers. */
  readonly ownConsulUp: boolean;
  readonly agent: AgentLook;
  /** Consul is to be disturbed, and this host's server leads it. Null: Consul is not. */
  readonly leads: boolean | null;
}

/** What could be told of this host's agent. */
export type AgentLook =
  | {
      readonly role: AgentRole;
      /** Which host it sees active; null: none, or its version does not say. */
      readonly active: string | null;
    }
  /** There surely is none: its unit does not run, and nothing listens on its socket. */
  | { readonly absent: string }
  /** One runs, or may run, and nothing more is known: a clause that says why. */
  | { readonly unknown: string };

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly next: string;
}

export type WaitingDecision =
  | { readonly do: "look-again"; readonly because: string }
  /** End the session that an earlier apply of this host left. */
  | { readonly do: "end-own-session"; readonly session: string; readonly because: string }
  | { readonly do: "acquire" }
  | { readonly do: "go-on-without-lock"; readonly because: string }
  | { readonly do: "give-up"; readonly error: Refusal };

export interface WaitingState {
  readonly host: string;
  readonly keepsKey: boolean;
  readonly sinceMs: number;
  /** When a quorum last answered; at the start, the start. */
  readonly answeredMs: number;
  /** Since when every look has found the lock free. */
  readonly freeSinceMs: number | null;
  /** ModifyIndex of the failure at the first answer: 0 when there was none, null before the first answer. */
  readonly failureBefore: number | null;
  /** The other host that was last seen with the lock. */
  readonly lastSeenHolder: string | null;
}

/** @param keepsKey only the agent is restarted */
export function startWaiting(host: string, nowMs: number, keepsKey = false): WaitingState {
  const unseen = { freeSinceMs: null, failureBefore: null, lastSeenHolder: null };
  return { host, keepsKey, sinceMs: nowMs, answeredMs: nowMs, ...unseen };
}

export interface Waited {
  readonly state: WaitingState;
  readonly decision: WaitingDecision;
}

export function decideWaiting(
  before: WaitingState,
  seen: Observation,
  nowMs: number,
  bounds: MaintenanceBounds,
): Waited {
  if (seen.view === null) return decideSilence({ ...before, freeSinceMs: null }, seen, nowMs, bounds);
  const { lock, failure } = seen.view;
  const state: WaitingState = {
    ...before,
    answeredMs: nowMs,
    failureBefore: before.failureBefore ?? failure?.modifyIndex ?? 0,
  };

  if (failure !== null && failure.modifyIndex !== state.failureBefore)
    return {
      state,
      decision: giveUp(stopped(`${failure.host} failed: ${failure.error.replace(/\.$/, "")}`, failure.host)),
    };

  const holder = lock?.session == null ? null : (lock.note?.host ?? "an unknown host");
  if (lock?.session != null && holder === state.host)
    return {
      state: { ...state, freeSinceMs: null },
      decision: { do: "end-own-session", session: lock.session, because: "an earlier apply of this host was killed" },
    };
  if (holder !== null)
    return decideTaken({ ...state, freeSinceMs: null, lastSeenHolder: holder }, holder, nowMs, bounds);

  // Free, but the last one never said that it was done.
  const left = lock?.note ?? null;
  const last = state.lastSeenHolder;
  // What it left cannot be read: whether it was done cannot be told.
  const isMute = left === null ? lock !== null : left.state === "working" && left.host === last;
  if (last !== null && isMute)
    return { state, decision: giveUp(stopped(`the apply on ${last} ended without a word`, last)) };

  return decideFree({ ...state, freeSinceMs: state.freeSinceMs ?? nowMs }, seen, nowMs, bounds);
}

/** After `acquire` was refused (another host was faster, or the lock-delay is not over): the wait goes on. */
export function lostRace(state: WaitingState): WaitingState {
  return { ...state, freeSinceMs: null };
}

function decideSilence(state: WaitingState, seen: Observation, nowMs: number, bounds: MaintenanceBounds): Waited {
  const silentMs = nowMs - state.answeredMs;
  if (silentMs < bounds.silenceMs) return { state, decision: { do: "look-again", because: "Consul gives no answer" } };
  if (state.keepsKey)
    return {
      state,
      decision: {
        do: "go-on-without-lock",
        because: `Consul has no quorum for ${seconds(silentMs)}, and nobody has a lease that the agent's restart could cost`,
      },
    };
  if (!seen.ownConsulUp)
    return {
      state,
      decision: {
        do: "go-on-without-lock",
        because: `Consul has no quorum for ${seconds(silentMs)} and this host's own Consul is down: mending it comes first`,
      },
    };
  return {
    state,
    decision: giveUp({
      code: "HF_CONSUL",
      message: `Consul has no quorum for ${seconds(silentMs)}, though it runs on ${state.host}: whether another host is being changed cannot be known. Nothing was changed here.`,
      next: "Bring the other Consul servers back, then run pulumi up again.",
    }),
  };
}

function decideTaken(state: WaitingState, holder: string, nowMs: number, bounds: MaintenanceBounds): Waited {
  const waitedMs = nowMs - state.sinceMs;
  if (waitedMs < bounds.waitMs)
    return { state, decision: { do: "look-again", because: `${holder} is being changed; one host at a time` } };
  return {
    state,
    decision: giveUp({
      code: "HF_TIMEOUT",
      message: `${holder} has had the maintenance lock all the ${seconds(waitedMs)} that this host waited. Nothing was changed here.`,
      next: `Look at the apply on ${holder}, then run pulumi up again.`,
    }),
  };
}

function decideFree(state: WaitingState, seen: Observation, nowMs: number, bounds: MaintenanceBounds): Waited {
  const freeMs = nowMs - (state.freeSinceMs ?? nowMs);
  const goFirst = (who: string): Waited => ({
    state,
    decision: { do: "look-again", because: `${who} and lets the others go first` },
  });
  // The key moves once and leadership moves once, if the leader goes before the active host: to servers that were restarted.
  if (mayValidate(seen.agent) && freeMs < (seen.leads === null ? 1 : 2) * bounds.freeMs)
    return goFirst("this host is active");
  if (seen.leads === true && freeMs < bounds.freeMs) return goFirst("this host's server leads Consul");
  return { state, decision: { do: "acquire" } };
}

export interface LockedState {
  readonly host: string;
  readonly sinceMs: number;
  /** When an agent was last there, or may have been; at the start, the start. */
  readonly agentMs: number;
  /** The switchover that we asked for and that is not over. */
  readonly switchover: string | null;
  /** We had the key given away, and no other host is known to be active since. */
  readonly isOwed: boolean;
  /** When we last asked for one, or null. */
  readonly askedMs: number | null;
}

export interface LockedObservation {
  readonly agent: AgentLook;
  /** Of the switchover that we asked for. */
  readonly switchover: "running" | "done" | "failed" | null;
  /** Why our last request was refused or came to nothing, or null. */
  readonly refused: string | null;
  /** Asked only when Consul is about to be disturbed. */
  readonly reserve: ServerReserve | null;
}

export type LockedDecision =
  | { readonly do: "look-again"; readonly because: string }
  | { readonly do: "switchover" }
  | { readonly do: "apply" }
  | { readonly do: "give-up"; readonly error: Refusal };

/** After a refused or failed switchover: a standby may become ready meanwhile. */
const askAgainMs = 5_000;

export function startLocked(host: string, nowMs: number): LockedState {
  return { host, sinceMs: nowMs, agentMs: nowMs, switchover: null, isOwed: false, askedMs: null };
}

/** Our request was accepted. */
export function askedFor(state: LockedState, switchover: string): LockedState {
  return { ...state, switchover, isOwed: true };
}

/**
 * With the lock: until this host is certainly not the one that validates, and Consul can spare it.
 * @param expectAgent whether this host has an agent at all; false where it is not set up yet.
 */
export function decideLocked(
  before: LockedState,
  seen: LockedObservation,
  nowMs: number,
  bounds: MaintenanceBounds,
  expectAgent: boolean,
): { readonly state: LockedState; readonly decision: LockedDecision } {
  const state: LockedState = {
    ...before,
    agentMs: "absent" in seen.agent ? before.agentMs : nowMs,
    switchover: seen.switchover === null || seen.switchover === "running" ? before.switchover : null,
    isOwed: before.isOwed && seen.switchover !== "done" && !isActiveElsewhere(seen.agent, before.host),
  };
  const obstacle = obstacleTo(state, seen, nowMs, bounds, expectAgent);
  if (obstacle === null) return { state, decision: { do: "apply" } };
  if (nowMs - state.sinceMs >= bounds.readyMs)
    return { state, decision: { do: "give-up", error: notNow(state, seen.agent, obstacle, nowMs) } };
  const askAgain = state.askedMs === null || nowMs - state.askedMs >= askAgainMs;
  const isHolder = "role" in seen.agent && (seen.agent.role === "active" || seen.agent.role === "taking");
  if (isHolder && state.switchover === null && askAgain)
    return { state: { ...state, askedMs: nowMs }, decision: { do: "switchover" } };
  return { state, decision: { do: "look-again", because: obstacle } };
}

function obstacleTo(
  state: LockedState,
  seen: LockedObservation,
  nowMs: number,
  bounds: MaintenanceBounds,
  expectAgent: boolean,
): string | null {
  const { agent } = seen;
  const failed = seen.refused === null ? "" : `, and it could not hand over: ${seen.refused}`;
  if ("unknown" in agent) return `the agent on this host gives no usable answer (${agent.unknown}); it may be active`;
  if ("absent" in agent && expectAgent && nowMs - state.agentMs < bounds.agentSilenceMs)
    return `no agent runs on this host (${agent.absent}); its lease may still live`;
  if ("role" in agent && (mayValidate(agent) || agent.role === "demoting"))
    return `this host is ${agent.role}${failed}`;
  // A successor that cannot use the key gives it back, and this host is the one that can.
  if ("role" in agent && state.isOwed)
    return `this host has given the key away, and no other host is active yet${seen.refused === null ? "" : `: ${seen.refused}`}`;
  return seen.reserve === null ? null : quorumObstacle(seen.reserve);
}

/** Null: Consul keeps its quorum while this host's server is restarted. Otherwise one clause. */
export function quorumObstacle({ ownCounts, spare, faults }: ServerReserve): string | null {
  if (!ownCounts || spare >= 1) return null;
  const why = faults.length === 0 ? "" : ` (${faults.join(", ")})`;
  return `Consul would lose its quorum without this host's server${why}`;
}

export interface RestartState {
  readonly sinceMs: number;
  /** When Consul was first and last told to have another server lead. */
  readonly firstAskedMs: number | null;
  readonly askedMs: number | null;
}

export type RestartDecision =
  | { readonly do: "look-again"; readonly because: string }
  | { readonly do: "hand-over"; readonly to: Heir }
  /** `though`: what had better not be so, as a clause. */
  | { readonly do: "restart"; readonly though: string | null }
  | { readonly do: "give-up"; readonly because: string };

export function startRestart(nowMs: number): RestartState {
  return { sinceMs: nowMs, firstAskedMs: null, askedMs: null };
}

/**
 * Until Consul can spare this host's server, and another one leads. A leader that will not go is restarted all the same: the
 * election costs the holder's renewals two seconds, which its lease has.
 */
export function decideRestart(
  before: RestartState,
  reserve: ServerReserve,
  nowMs: number,
  bounds: MaintenanceBounds,
): { readonly state: RestartState; readonly decision: RestartDecision } {
  const obstacle = quorumObstacle(reserve);
  if (obstacle !== null) {
    const isOver = nowMs - before.sinceMs >= bounds.readyMs;
    return { state: before, decision: { do: isOver ? "give-up" : "look-again", because: obstacle } };
  }
  const { heir } = reserve;
  if (heir === null) return { state: before, decision: { do: "restart", though: null } };
  const state = { ...before, firstAskedMs: before.firstAskedMs ?? nowMs };
  if (nowMs - state.firstAskedMs >= bounds.handOverMs)
    return { state, decision: { do: "restart", though: "it still leads, and was to hand over" } };
  if (before.askedMs === null || nowMs - before.askedMs >= askAgainMs)
    return { state: { ...state, askedMs: nowMs }, decision: { do: "hand-over", to: heir } };
  return { state, decision: { do: "look-again", because: "its server hands leadership over" } };
}

function notNow(state: LockedState, agent: AgentLook, obstacle: string, nowMs: number): Refusal {
  const message = `${state.host} cannot be changed now: ${obstacle} (waited ${seconds(nowMs - state.sinceMs)}). Nothing was changed here.`;
  if (!("role" in agent))
    return {
      code: "HF_AGENT_UNREACHABLE",
      message,
      next: `See what it does: holdfast logs ${state.host}. If it is beyond help, stop it on that host (systemctl stop ${units.agent}), which ends its lease within seconds, and run pulumi up again.`,
    };
  return {
    code: "HF_REFUSED",
    message,
    next: "Look at holdfast status; when another host is ready, run pulumi up again.",
  };
}

/** Has the key, is about to have it, or is giving it away; or nobody can tell. */
function mayValidate(agent: AgentLook): boolean {
  if ("absent" in agent) return false;
  return "unknown" in agent || agent.role === "active" || agent.role === "taking" || agent.role === "handing";
}

function isActiveElsewhere(agent: AgentLook, host: string): boolean {
  return "role" in agent && agent.active !== null && agent.active !== host;
}

function giveUp(error: Refusal): WaitingDecision {
  return { do: "give-up", error };
}

function stopped(what: string, host: string): Refusal {
  return {
    code: "HF_REFUSED",
    message: `While this host was waiting, ${what}; nothing was changed here.`,
    next: `Mend ${host}, then run pulumi up again.`,
  };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
