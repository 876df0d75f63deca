/**
 * Does a piece of work as the only host that is being changed: waits for the cluster's maintenance lock,
 * has the key given away if this host is active, works, and releases. The decisions are in decide.ts.
 *
 * A failure of the work is noted before the lock goes, so that whoever reads "free" reads the failure too.
 * Awkward case: the session is lost while the work runs. Stopping half-way would be worse than two hosts
 * at a time (the fence, not this lock, keeps two from validating), so the work goes on and it is said.
 */

import { HoldfastError } from "../../contract/errors.ts";
import type { SwitchoverProgress, SwitchoverRequest } from "../../contract/wire/agent-status.ts";
import type { MaintenanceNote } from "../../contract/wire/notes.ts";
import { Left } from "../left.ts";
import {
  type AgentLook,
  askedFor,
  decideLocked,
  decideRestart,
  decideWaiting,
  type LockedObservation,
  lostRace,
  type MaintenanceBounds,
  type Refusal,
  startLocked,
  startRestart,
  startWaiting,
} from "./decide.ts";
import {
  type MaintenanceStore,
  type MaintenanceView,
  renewEveryMs,
  type ServerReserve,
  StoreUnavailable,
} from "./store.ts";

/** The agent of this host. */
export interface MaintenanceAgent {
  /** Never throws: that nothing can be told is an answer. */
  look(): Promise<AgentLook>;
  switchover(wish: Partial<SwitchoverRequest>): Promise<string>;
  switchoverProgress(id: string): Promise<SwitchoverProgress>;
}

export interface MaintenanceContext {
  readonly host: string;
  readonly store: MaintenanceStore;
  /** Null on a host that has none yet. */
  readonly agent: MaintenanceAgent | null;
  ownConsulUp(): Promise<boolean>;
  /** Consul is about to be disturbed: its quorum must be able to spare this host. */
  readonly disturbsConsul: boolean;
  /** Only the agent is restarted, which moves no key: one host at a time, the active one last, and nothing is given away. */
  readonly keepsKey: boolean;
  readonly bounds: MaintenanceBounds;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  /** Something happened; to be printed. */
  say(line: string): void;
  /** Called at every look while waiting; throttled by whoever prints. */
  progress(line: string): void;
  /** Null while whoever asked for this is still there; otherwise how they left. */
  left?(): string | null;
}

/** What the work may ask for while it is the only one. */
export interface Alone {
  /** False: there was no quorum to lock anything with, and mending this host's own Consul came first. */
  readonly isLocked: boolean;
  /**
   * Right before Consul is stopped here: unpacking may have taken a while, and another server may be lost since. If it leads,
   * leadership is handed over first. Without the lock it says yes: then there is no quorum to lose.
   * @throws HoldfastError HF_REFUSED when Consul could not spare this host's server within readyMs.
   */
  untilSpared(): Promise<void>;
  /**
   * Before this host leaves Consul, which ends our session and with it the lock, but only once its server votes no more: what
   * the lock says is then "done" already, so nobody who waits for it takes that end for an accident. Nothing is renewed any
   * more: the TTL is left for it. Without the lock it does nothing.
   */
  beforeLeaving(): Promise<void>;
}

/** How often we look while waiting. */
const lookEveryMs = 500;

/**
 * @returns what `work` returns.
 * @throws HoldfastError HF_REFUSED, HF_TIMEOUT or HF_CONSUL before anything was changed; else what `work` throws.
 */
export async function withMaintenanceLock<T>(
  context: MaintenanceContext,
  work: (alone: Alone) => Promise<T>,
): Promise<T> {
  const session = await acquireLock(context);
  if (session === null) {
    // Nobody has a lease for long without a quorum; but the key is not to be on a host that is disturbed.
    if (!context.keepsKey) await untilReady(context, { hasQuorum: false });
    return await work({ isLocked: false, untilSpared: async () => {}, beforeLeaving: async () => {} });
  }
  const renewal = keepRenewing(context, session);
  try {
    if (!context.keepsKey) await untilReady(context, { hasQuorum: true });
    let result: T;
    try {
      result = await work({
        isLocked: true,
        untilSpared: () => untilSpared(context),
        beforeLeaving: async () => {
          await renewal.stop();
          await bestEffort(context, () => context.store.acquire(session, note(context, "done")));
        },
      });
    } catch (error) {
      // Who left goes on later; it is no reason for others to stop.
      if (error instanceof Left) throw error;
      await bestEffort(context, () =>
        context.store.putFailure({ host: context.host, error: firstLine(error), at: new Date().toISOString() }),
      );
      throw error;
    }
    await bestEffort(context, () => context.store.clearFailure());
    return result;
  } finally {
    await renewal.stop();
    await bestEffort(context, () => context.store.release(session, note(context, "done")));
    await bestEffort(context, () => context.store.destroySession(session));
  }
}

/** @returns the session that has the lock; null when Consul is down here and mending it comes first. */
async function acquireLock(context: MaintenanceContext): Promise<string | null> {
  const startMs = context.nowMs();
  let state = startWaiting(context.host, startMs, context.keepsKey);
  for (;;) {
    const view = await viewOrNull(context.store);
    const ownConsulUp = view !== null || (await context.ownConsulUp());
    const seen = { view, ownConsulUp, agent: await lookAt(context), leads: await leadsOrNull(context) };
    const waited = decideWaiting(state, seen, context.nowMs(), context.bounds);
    state = waited.state;
    const { decision } = waited;
    switch (decision.do) {
      case "give-up":
        throw refusal(decision.error);
      case "go-on-without-lock":
        context.say(decision.because);
        return null;
      case "end-own-session":
        context.say(`ending the lock's session: ${decision.because}`);
        await bestEffort(context, () => context.store.destroySession(decision.session));
        break;
      case "acquire": {
        const session = await tryAcquire(context);
        if (session !== null) return session;
        state = lostRace(state);
        break;
      }
      case "look-again":
        goOn(context, decision.because);
        context.progress(`waiting for the maintenance lock: ${decision.because} (${secondsSince(startMs, context)} s)`);
        break;
    }
    await context.sleep(lookEveryMs);
  }
}

async function tryAcquire(context: MaintenanceContext): Promise<string | null> {
  let session: string | null = null;
  try {
    session = await context.store.createSession();
    if (await context.store.acquire(session, note(context, "working"))) return session;
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
  }
  const made = session;
  if (made !== null) await bestEffort(context, () => context.store.destroySession(made));
  return null;
}

/** With the lock: until decide.ts says that this host may be disturbed. */
async function untilReady(context: MaintenanceContext, { hasQuorum }: { hasQuorum: boolean }): Promise<void> {
  const startMs = context.nowMs();
  let state = startLocked(context.host, startMs);
  let refused: string | null = null;
  for (;;) {
    const asked = state.switchover === null ? null : await lookAtSwitchover(context, state.switchover);
    refused = asked?.failedBecause ?? refused;
    const seen: LockedObservation = {
      agent: await lookAt(context),
      switchover: asked?.state ?? null,
      refused,
      // What is lost already cannot be spared.
      reserve: hasQuorum && context.disturbsConsul ? await reserveOrNone(context.store) : null,
    };
    const locked = decideLocked(state, seen, context.nowMs(), context.bounds, context.agent !== null);
    state = locked.state;
    const { decision } = locked;
    if (decision.do === "apply") return;
    if (decision.do === "give-up") throw refusal(decision.error);
    if (decision.do === "switchover") {
      context.say("this host is active: asking its agent for a switchover");
      try {
        if (context.agent !== null) state = askedFor(state, await context.agent.switchover({}));
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        refused = error.message;
      }
    } else {
      goOn(context, decision.because);
      context.progress(`waiting with the maintenance lock: ${decision.because} (${secondsSince(startMs, context)} s)`);
    }
    await context.sleep(lookEveryMs);
  }
}

async function untilSpared(context: MaintenanceContext): Promise<void> {
  const startMs = context.nowMs();
  let state = startRestart(startMs);
  for (;;) {
    const seen = await reserveOrNone(context.store);
    const next = decideRestart(state, seen, context.nowMs(), context.bounds);
    state = next.state;
    const { decision } = next;
    switch (decision.do) {
      case "restart":
        if (decision.though !== null) context.say(`Consul is restarted though ${decision.though}`);
        return;
      case "give-up":
        throw new HoldfastError("HF_REFUSED", `Consul on ${context.host} is not restarted: ${decision.because}.`, {
          next: "Bring the other Consul servers back, then run pulumi up again: it goes on from here.",
        });
      case "hand-over":
        context.say(`this host's server leads Consul: ${decision.to.name} is to lead before it is restarted`);
        await context.store.handOver(decision.to);
        break;
      case "look-again":
        goOn(context, decision.because);
        context.progress(
          `waiting before Consul is restarted: ${decision.because} (${secondsSince(startMs, context)} s)`,
        );
        break;
    }
    await context.sleep(lookEveryMs);
  }
}

async function lookAtSwitchover(
  { agent }: MaintenanceContext,
  id: string,
): Promise<{ state: "running" | "done" | "failed"; failedBecause?: string } | null> {
  try {
    const progress = await agent?.switchoverProgress(id);
    if (progress === undefined) return null;
    if (progress.state === "failed") return { state: "failed", failedBecause: progress.because };
    return { state: progress.state === "done" ? "done" : "running" };
  } catch (error) {
    // The agent was restarted, or forgot it: its role, and whom it sees active, tell the rest.
    return { state: "failed", failedBecause: firstLine(error) };
  }
}

/** Renews in the background until stopped. */
function keepRenewing(context: MaintenanceContext, session: string): { stop(): Promise<void> } {
  const stopped = Promise.withResolvers<void>();
  let stopping = false;
  const loop = async () => {
    while (!stopping) {
      await Promise.race([context.sleep(renewEveryMs), stopped.promise]);
      if (stopping) return;
      // No answer is no loss: the TTL covers two missed renewals.
      const alive = await context.store.renewSession(session).catch((error: unknown) => {
        if (error instanceof StoreUnavailable) return true;
        throw error;
      });
      if (!alive) {
        context.say("the maintenance lock was lost; this apply goes on, but another host may begin");
        return;
      }
    }
  };
  const running = loop();
  // Seen again at stop(); without this a failure in between would end the process.
  running.catch(() => undefined);
  return {
    stop: async () => {
      stopping = true;
      stopped.resolve();
      await running.catch((error: unknown) => context.say(`renewing the maintenance lock failed: ${firstLine(error)}`));
    },
  };
}

/** For what may fail without changing the outcome: the session's TTL cleans up after us. */
async function bestEffort(context: MaintenanceContext, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    context.say(`the maintenance lock could not be updated: ${firstLine(error)}`);
  }
}

async function viewOrNull(store: MaintenanceStore): Promise<MaintenanceView | null> {
  try {
    return await store.view();
  } catch (error) {
    if (error instanceof StoreUnavailable) return null;
    throw error;
  }
}

/** Without an answer there may be no reserve. */
async function reserveOrNone(store: MaintenanceStore): Promise<ServerReserve> {
  try {
    return await store.reserve();
  } catch (error) {
    if (error instanceof StoreUnavailable)
      return { spare: 0, ownCounts: true, faults: ["no server says how they are"], heir: null };
    throw error;
  }
}

/** Null: it does not matter. Who cannot tell does not lead. */
async function leadsOrNull({ store, disturbsConsul }: MaintenanceContext): Promise<boolean | null> {
  if (!disturbsConsul) return null;
  try {
    return await store.leads();
  } catch (error) {
    if (error instanceof StoreUnavailable) return false;
    throw error;
  }
}

async function lookAt({ agent }: MaintenanceContext): Promise<AgentLook> {
  return agent === null ? { absent: "it is not set up" } : await agent.look();
}

/** @throws Left when nobody waits for us any more. */
function goOn(context: MaintenanceContext, waitedFor: string): void {
  const how = context.left?.() ?? null;
  if (how !== null) throw new Left(context.host, waitedFor, how);
}

function secondsSince(startMs: number, context: MaintenanceContext): number {
  return Math.round((context.nowMs() - startMs) / 1000);
}

function note(context: MaintenanceContext, state: MaintenanceNote["state"]): MaintenanceNote {
  return { host: context.host, state, at: new Date().toISOString() };
}

function refusal({ code, message, next }: Refusal): HoldfastError {
  return new HoldfastError(code, message, { next });
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
}
