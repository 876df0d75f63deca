/**
 * Puts what every host's agent says together into one picture of the cluster, with what is amiss.
 * Pure. Awkward case: two hosts that say `active`. Then nobody is shown as the active host, and the
 * alarm says so; a script that reads `active` alone must not go on as if all were well.
 */

import { units } from "../../contract/paths.ts";
import type { AgentStatus } from "../../contract/wire/agent-status.ts";
import type { StackOutputs } from "../../contract/wire/stack-outputs.ts";
import { zoneRisks } from "../../infra/config/zone-checks.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { StackHost } from "../ports.ts";
import { findProblems } from "./problems.ts";
import type { ClusterView, HostAnswer, HostView } from "./views.ts";

/** @param answers at most one for each host of the cluster; a host without one counts as unreachable */
export function clusterView(cluster: StackOutputs, answers: readonly HostAnswer[]): ClusterView {
  const byHost = new Map(answers.map((answer) => [answer.host, answer]));
  const hosts = cluster.hosts.map((host) => hostView(host, byHost.get(host.name)));
  const statuses = answers.flatMap((answer) => ("status" in answer ? [answer.status] : []));
  const claims = statuses.filter((status) => status.role === "active");
  const active = claims.length === 1 ? claims[0] : undefined;
  const epochs = statuses.flatMap((status) => (status.epoch === null ? [] : [status.epoch]));
  const view = {
    network: cluster.network,
    account: cluster.account,
    active: active?.host ?? null,
    epoch: active?.epoch ?? (epochs.length === 0 ? null : Math.max(...epochs)),
    since: active?.since ?? null,
    lease: active?.lease?.remainingMs ?? null,
    heard: active?.heard ?? null,
    paused: active?.paused ?? statuses.some((status) => status.paused),
    switchover: active?.switchover ?? statuses.find((status) => status.switchover !== null)?.switchover ?? null,
    hosts,
  };
  return {
    ...view,
    alarm: alarmOf(claims),
    problems: findProblems(cluster, view, statuses),
    warnings: zoneRisks(cluster.hosts),
  };
}

/** The hosts that say they are active. */
export function claimants(answers: readonly HostAnswer[]): string[] {
  return answers.flatMap((answer) => ("status" in answer && answer.status.role === "active" ? [answer.host] : []));
}

/** What `holdfast status` ends with. */
export function statusExitCode(view: ClusterView): ExitCode {
  if (view.alarm !== null) return exitCodes.alarm;
  return view.problems.length === 0 ? exitCodes.ok : exitCodes.degraded;
}

function hostView(access: StackHost, answer: HostAnswer | undefined): HostView {
  const base = { name: access.name, roles: access.roles };
  if (answer === undefined || "error" in answer) {
    const error = answer?.error ?? { code: "HF_HOST_UNREACHABLE" as const, message: `${access.name} was not asked.` };
    const reachable = error.code === "HF_AGENT_UNREACHABLE";
    return { ...base, reachable, error, agent: null, neard: null, key: null, fence: null, consul: null };
  }
  const { role, because, ready, notReadyBecause, since, version, uptimeMs } = answer.status;
  return {
    ...base,
    reachable: true,
    error: null,
    agent: { role, because, ready, notReadyBecause, since, version, uptimeMs },
    neard: answer.status.neard,
    key: access.roles.includes("neard") ? answer.status.key : null,
    fence: access.roles.includes("neard") ? answer.status.fence : null,
    consul: answer.status.consul,
  };
}

function alarmOf(claims: readonly AgentStatus[]): ClusterView["alarm"] {
  if (claims.length < 2) return null;
  const named = claims.map((claim) => `${claim.host} (epoch ${claim.epoch ?? "unknown"})`).join(", ");
  // The epoch grows with every new holder: the greatest is the rightful one.
  const [, ...stale] = claims.toSorted((a, b) => (b.epoch ?? -1) - (a.epoch ?? -1)).map((claim) => claim.host);
  const commands = stale.map((host) => `holdfast ssh ${host} -- systemctl kill --signal=KILL ${units.neard}`);
  return {
    message: `${claims.length} hosts say that they are active: ${named}.`,
    next: `Kill neard on all but the one with the greatest epoch, now: ${commands.join("; ")}.`,
  };
}
