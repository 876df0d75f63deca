/** Whether a switchover can be asked for now, and between whom. Pure; the agent decides again by itself. */
import { HoldfastError } from "../../contract/errors.ts";
import { silentValidators } from "../status/problems.ts";
import type { ClusterView, HostView } from "../status/views.ts";

export interface SwitchoverPlan {
  readonly from: string;
  /** null: the agent chooses the best of `candidates`. */
  readonly to: string | null;
  readonly candidates: readonly string[];
  /** The epoch before the move; the new one is greater. */
  readonly epoch: number | null;
}

/** @throws HoldfastError HF_REFUSED, HF_USAGE (no such host) */
export function planSwitchover(view: ClusterView, to: string | undefined): SwitchoverPlan {
  if (view.alarm !== null) throw refused(view.alarm.message, view.alarm.next);
  if (view.active === null) {
    const who = silentValidators(view).length === 0 ? "No host" : "No host that answers";
    throw refused(`${who} is active, so there is no key to move.`, "See why with holdfast status.");
  }
  if (view.switchover !== null)
    throw refused("A switchover is under way already.", "Watch it with holdfast status --watch.");
  const plan = { from: view.active, epoch: view.epoch };
  if (to !== undefined) {
    checkTarget(view, to);
    return { ...plan, to, candidates: [to] };
  }
  const candidates = view.hosts.filter(isReadyStandby).map((host) => host.name);
  if (candidates.length === 0) {
    const reasons = view.hosts
      .filter((host) => host.roles.includes("neard") && host.name !== view.active)
      .map((host) => `${host.name}: ${whyNot(host)}`)
      .join("; ");
    throw refused(`No standby is ready to take over (${reasons || "there is no other neard host"}).`, whenReady);
  }
  return { ...plan, to: null, candidates };
}

const whenReady = "Wait until holdfast status shows a standby as ready.";

function checkTarget(view: ClusterView, to: string): void {
  const host = view.hosts.find((candidate) => candidate.name === to);
  if (host === undefined)
    throw new HoldfastError("HF_USAGE", `The stack has no host ${to}.`, {
      next: `Name one of these: ${view.hosts.map((candidate) => candidate.name).join(", ")}.`,
    });
  if (!host.roles.includes("neard"))
    throw refused(`${to} is an arbiter: it votes, it never validates.`, "Name a host with the role neard.");
  if (to === view.active) throw refused(`${to} is active already.`, "Name another host, or none.");
  if (!isReadyStandby(host)) throw refused(`${to} cannot take over now: ${whyNot(host)}.`, whenReady);
}

function isReadyStandby(host: HostView): boolean {
  return host.agent?.role === "standby" && host.agent.ready;
}

function whyNot(host: HostView): string {
  if (host.agent === null) return host.reachable ? "its agent does not answer" : "it is unreachable";
  if (host.agent.role !== "standby") return `it is ${host.agent.role}`;
  return host.agent.notReadyBecause ?? "it is not ready";
}

function refused(message: string, next: string): HoldfastError {
  return new HoldfastError("HF_REFUSED", message, { next });
}
