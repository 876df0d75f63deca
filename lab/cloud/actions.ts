/**
 * Asynchronous actions. Nothing here runs by itself: an action is a row in the state, and `settle` says what has come of all
 * rows by a moment. What a machine has to do for one is an order, given when the action begins and answered by `report`.
 */
import { ApiError } from "./api-error.ts";
import { takeActionFault } from "./faults.ts";
import type { Order } from "./machines.ts";
import type { Action, CloudState, Effect } from "./state.ts";

export interface ActionWish {
  readonly command: string;
  readonly resources: readonly { readonly id: number; readonly type: string }[];
  readonly onBegin?: readonly Effect[];
  readonly onEnd?: readonly Effect[];
  readonly order?: Order;
  /** Default: true. */
  readonly locks?: boolean;
  readonly after?: Action;
}

export interface Begun {
  readonly state: CloudState;
  readonly project: number;
  readonly nowMs: number;
  /** How long a command takes at least. */
  durationMs(command: string): number;
}

/** Adds an action, with the fault that waits for one like it. */
export function beginAction({ state, project, nowMs, durationMs }: Begun, wish: ActionWish): Action {
  const { command, resources, onBegin = [], onEnd = [], order = null, locks = true, after } = wish;
  const named = state.projects[project];
  const serverId = resources.find(({ type }) => type === "server")?.id;
  const server = named?.servers.find(({ id }) => id === serverId)?.name;
  const fault = takeActionFault(state.faults, { project: named?.name ?? "", command, server });
  const nothing = fault !== undefined && ["fail", "hang", "lie-off", "lie-running"].includes(fault.outcome);
  const pretendsOff: Effect[] =
    fault?.outcome === "lie-off" && serverId !== undefined
      ? [{ kind: "change", of: "servers", id: serverId, to: { pretended: "off" } }]
      : [];
  const action: Action = {
    id: state.nextId++,
    project,
    command,
    resources,
    status: "running",
    askedMs: nowMs,
    after: after?.id ?? null,
    begunMs: null,
    finishedMs: null,
    durationMs: durationMs(command) + (fault?.outcome === "slow" ? fault.delayMs : 0),
    onBegin: nothing ? [] : onBegin,
    onEnd: nothing ? pretendsOff : onEnd,
    order: nothing ? null : order,
    orderDoneMs: null,
    locks,
    hangs: fault?.outcome === "hang" || fault?.outcome === "done-hang",
    failure: fault?.outcome === "fail" ? { code: fault.code, message: fault.message ?? "the action failed" } : null,
  };
  state.actions.push(action);
  return action;
}

/** What has come of all actions by `nowMs`; the orders that are to be given now. */
export function settle(state: CloudState, nowMs: number): Order[] {
  const orders: Order[] = [];
  for (let again = true; again; ) {
    again = false;
    for (const action of state.actions) {
      if (action.status !== "running") continue;
      const before = state.actions.find(({ id }) => id === action.after);
      if (before?.status === "running") continue;
      if (before?.status === "error" && action.failure === null)
        action.failure = { code: "action_failed", message: `${before.command} before it failed` };
      if (action.begunMs === null) {
        action.begunMs = Math.max(action.askedMs, before?.finishedMs ?? action.askedMs);
        if (action.failure === null) {
          apply(state, action.project, action.onBegin);
          if (action.order !== null) orders.push(action.order);
        }
        again = true;
      }
      if (endedBy(action, nowMs)) {
        finish(state, action);
        again = true;
      }
    }
  }
  return orders;
}

function endedBy(action: Action, nowMs: number): boolean {
  const waitsForOrder = action.order !== null && action.orderDoneMs === null && action.failure === null;
  return !waitsForOrder && dueMs(action) <= nowMs;
}

const dueMs = (action: Action): number =>
  Math.max((action.begunMs ?? action.askedMs) + action.durationMs, action.orderDoneMs ?? 0);

/** When the next action could end without an order being reported; undefined: none is on its way. */
export function nextDueMs(state: CloudState): number | undefined {
  const due = state.actions
    .filter((action) => action.status === "running" && action.begunMs !== null && !isStuck(action))
    .map(dueMs);
  return due.length === 0 ? undefined : Math.min(...due);
}

const isStuck = (action: Action): boolean => action.hangs && action.order === null && action.onEnd.length === 0;

function finish(state: CloudState, action: Action): void {
  if (action.failure === null) apply(state, action.project, action.onEnd);
  if (action.hangs) {
    Object.assign(action, { onEnd: [], order: null, durationMs: Number.MAX_SAFE_INTEGER / 4 });
    return;
  }
  action.status = action.failure === null ? "success" : "error";
  action.finishedMs = dueMs(action);
}

/** An order has been carried out, or has failed. */
export function report(state: CloudState, order: Order, nowMs: number, failed?: string): void {
  const action = state.actions.find((candidate) => candidate.order === order && candidate.status === "running");
  if (action === undefined) return;
  action.orderDoneMs = nowMs;
  if (failed !== undefined) action.failure = { code: "action_failed", message: failed };
}

/** Orders of a cloud that was ended before it heard of them: to be given again. */
export function openOrders(state: CloudState): Order[] {
  return state.actions.flatMap(({ status, begunMs, order, orderDoneMs }) =>
    status === "running" && begunMs !== null && orderDoneMs === null && order !== null ? [order] : [],
  );
}

function apply(state: CloudState, project: number, effects: readonly Effect[]): void {
  const collections = state.projects[project];
  if (collections === undefined) return;
  for (const effect of effects) {
    const all: { id: number }[] = collections[effect.of];
    const index = all.findIndex(({ id }) => id === effect.id);
    if (index === -1) continue;
    if (effect.kind === "remove") all.splice(index, 1);
    else Object.assign(all[index] as object, effect.to);
  }
}

export function isLocked(state: CloudState, type: string, id: number): boolean {
  return state.actions.some(
    (action) =>
      action.status === "running" &&
      action.locks &&
      action.resources.some((resource) => resource.type === type && resource.id === id),
  );
}

/** @throws ApiError locked */
export function requireUnlocked(state: CloudState, type: string, id: number): void {
  if (isLocked(state, type, id)) throw new ApiError("locked", `${type} ${id} is locked: another action is running`);
}

/** Hanging actions end with an error: what the provider's own people do about them. */
export function endHanging(state: CloudState, nowMs: number): number {
  const hanging = state.actions.filter(({ hangs, status }) => hangs && status === "running");
  for (const action of hanging)
    Object.assign(action, {
      status: "error",
      finishedMs: nowMs,
      failure: { code: "action_failed", message: "it was ended from outside" },
    });
  return hanging.length;
}

/** 0 to 100, as of a moment. */
export function progressOf(action: Action, nowMs: number): number {
  if (action.status === "success") return 100;
  if (action.begunMs === null || action.durationMs === 0) return 0;
  return Math.max(0, Math.min(95, Math.floor((100 * (nowMs - action.begunMs)) / action.durationMs)));
}
