/** What the agent says of itself, from the decision core's state. Pure. */
import type { AgentConfig } from "../../contract/wire/agent-config.ts";
import type { AgentRole, AgentStatus } from "../../contract/wire/agent-status.ts";
import type { Seen } from "../power/power-watch.ts";
import { fencingView } from "../role/fencing-view.ts";
import { guardView } from "../role/guard.ts";
import { heardView } from "../role/heard.ts";
import { freshSight, isOwnKey, keyFault, nextKeyFault } from "../role/keys.ts";
import { notReady } from "../role/readiness.ts";
import { acksInMs } from "../role/standby.ts";
import { phaseRole } from "../role/transitions.ts";
import type { Settings, State } from "../role/types.ts";

/** How this host's Consul is, as last asked. */
export interface ConsulView {
  readonly reachable: boolean;
  readonly leader: string | null;
  readonly isLeader: boolean;
  readonly voter: boolean;
  readonly healthy: boolean;
}

export interface Around {
  readonly version: string;
  readonly nowMs: number;
  readonly wallMs: number;
  readonly startedMs: number;
  readonly fence: { readonly armed: boolean; readonly open: boolean };
  readonly consul: ConsulView;
  readonly neardRestarts: number;
  /** The other hosts' power devices, as last read. */
  readonly power: readonly Seen[];
}

export function roleOf(state: State): AgentRole {
  if (state.phase.name === "standby" && state.watch.confirmedMs === null) return "starting";
  return phaseRole(state.phase);
}

export function statusOf(config: AgentConfig, settings: Settings | null, state: State, around: Around): AgentStatus {
  const { phase, watch } = state;
  const { nowMs, wallMs } = around;
  const isNeardHost = settings !== null && config.neard !== undefined;
  const fault = !isNeardHost ? "an arbiter never validates" : notReady(settings, state, nowMs);
  const role = isNeardHost ? roleOf(state) : "arbiter";
  const held = watch.lock !== null && watch.lock.session !== null;
  const holder = held ? (watch.lock?.value?.host ?? null) : null;
  const lease = "lease" in phase ? { remainingMs: Math.max(0, Math.round(phase.lease.deadlineMs - nowMs)) } : null;
  const job = phase.name === "handing" ? { id: phase.job.id, to: phase.job.to } : null;
  return {
    version: around.version,
    network: config.network,
    account: config.account,
    host: config.host,
    roles: config.roles,
    role,
    because: isNeardHost ? state.because : "votes; it has no neard",
    ready: role === "standby" && fault === null,
    notReadyBecause: role === "standby" || role === "arbiter" || role === "starting" ? fault : `is ${role}`,
    epoch: watch.lock === null || watch.lock.lockIndex === 0 ? null : watch.lock.lockIndex,
    holder,
    active: activeHost(settings, state, holder),
    since: new Date(wallMs - (nowMs - state.sinceMs)).toISOString(),
    lease,
    paused: watch.paused,
    switchover: job,
    standDown: standDownOf(state, nowMs),
    lock: isNeardHost ? lockOf(settings, state, nowMs) : null,
    fencing: settings === null ? null : fencingOf(settings, state, around),
    guard: settings === null || phase.name !== "standby" ? null : guardView(settings, state, nowMs),
    heard: heardOf(config, state, nowMs),
    fence: around.fence,
    key: keyOf(settings, state, nowMs),
    neard: isNeardHost ? neardStatus(settings, state, around) : null,
    consul: around.consul,
    uptimeMs: Math.round(nowMs - around.startedMs),
  };
}

function activeHost(settings: Settings | null, state: State, holder: string | null): string | null {
  if (settings !== null && phaseRole(state.phase) === "active") return settings.host;
  // Its note says so until it writes another one, so what it is now the lock must say.
  return holder !== null && holder !== settings?.host && state.watch.notes[holder]?.isActive === true ? holder : null;
}

/** What is to be expected is said where nothing can be done about it: see docs/operate/power-loss.md. */
function heardOf(config: AgentConfig, state: State, nowMs: number): AgentStatus["heard"] {
  const view = heardView(state, nowMs);
  const silent = state.heard?.entry?.story.silent ?? null;
  const isMovable = config.neard?.takeoverAddresses.some(({ host }) => host === silent) ?? false;
  if (view?.state !== "not-heard" || silent === null || isMovable) return view;
  const why = `${silent} said nothing when it was lost, and has no takeoverAddress: others notice about 145 s after the loss`;
  return { ...view, because: `${view.because}; ${why}` };
}

function keyOf(settings: Settings | null, state: State, nowMs: number): AgentStatus["key"] {
  if (settings === null)
    return { available: false, loaded: false, onChain: null, fault: null, nextFault: null, placeFault: null };
  const sight = freshSight(state, nowMs);
  const available = state.keyAvailable || state.nextKeyAvailable;
  return {
    available,
    loaded: isOwnKey(settings, state.probe?.validatorKey ?? null),
    onChain: sight === null ? null : { nearEpoch: sight.nearEpoch, now: sight.key, next: sight.nextKey },
    fault: available ? keyFault(settings, state, nowMs) : null,
    nextFault: nextKeyFault(settings, state, nowMs),
    placeFault: state.keyPlaceFault,
  };
}

function lockOf(settings: Settings, state: State, nowMs: number): AgentStatus["lock"] {
  const { watch, tampering, doubtNote, phase } = state;
  const inMs = phase.name === "standby" ? acksInMs(settings, state, nowMs) : 0;
  const told = tampering === null ? null : { count: tampering.count, because: tampering.because };
  return {
    seal: watch.lock === null || watch.lock.modifyIndex === 0 ? null : watch.lock.seal,
    tampering: told === null ? null : { ...told, lastAgoMs: Math.round(nowMs - (tampering?.atMs ?? nowMs)) },
    doubted: watch.isDoubted,
    acksInMs: inMs === null ? null : Math.round(inMs),
    doubtFault: doubtNote.fault,
  };
}

function fencingOf(settings: Settings, state: State, { power, nowMs }: Around): AgentStatus["fencing"] {
  const devices = power.map(({ atMs, ...reading }) => ({ ...reading, agoMs: Math.round(nowMs - atMs) }));
  return { ...fencingView(settings, state, nowMs), devices };
}

function standDownOf({ standDown }: State, nowMs: number): AgentStatus["standDown"] {
  return standDown === null ? null : { id: standDown.id, remainingMs: Math.max(0, standDown.untilMs - nowMs) };
}

function neardStatus(settings: Settings, state: State, around: Around): AgentStatus["neard"] {
  const { probe } = state;
  return {
    running: probe !== null && probe.process !== null,
    synced: probe?.answered === true && !probe.syncing && probe.headAgeMs <= settings.maxHeadAgeMs,
    height: probe?.height ?? null,
    version: probe?.version ?? null,
    protocolVersion: probe?.latestProtocolVersion ?? null,
    validatorKey: probe?.validatorKey ?? null,
    restarts: around.neardRestarts,
  };
}
