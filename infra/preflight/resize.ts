/**
 * A server whose type in the settings is another than the one that it has: the provider cuts its power for the change, without a
 * shutdown. So not while it is active, nor while the cluster could not do without it. That it is one in one run is seen
 * to before (cloud-offers.ts). Pure.
 */
import { type AgentStatus, agentStatusSchema } from "../../contract/agent-status.ts";
import { type HostNow, isHolder, obstaclesTo } from "../../contract/taking-away.ts";
import type { Fault } from "../config/faults.ts";
import type { HostReport } from "./host-faults.ts";

/** @param resizing names of the hosts whose server loses its power in this run; `hosts`: all of the cluster, as they are now */
export function resizeRefusals(resizing: readonly string[], hosts: readonly HostNow[]): Fault[] {
  return resizing.flatMap((name) => {
    const now = hosts.find((host) => host.name === name);
    // Not a part of the cluster yet.
    if (now === undefined || hosts.every(({ status }) => status === null)) return [];
    if (now.status !== null && isHolder(now.status))
      return [
        refused(
          `a new server type cuts the power of ${name}, and it is ${now.status.role}`,
          "Give the key away first (holdfast switchover), then run pulumi up again.",
        ),
      ];
    // It is away for a minute or two: for so long nobody need stand by.
    const against = obstaclesTo(hosts, name).filter(({ is }) => is !== "last-standby");
    if (against.length === 0) return [];
    return [
      refused(
        `a new server type cuts the power of ${name}, and not now: ${against.map(({ message }) => message).join("; and ")}`,
        "Mend that first; holdfast status shows when it is. Or take the new serverType back.",
      ),
    ];
  });
}

const refused = (message: string, next: string): Fault => ({ code: "HF_REFUSED", message, next });

/** What the hosts' agents say, for those that were asked. */
export function hostsNow(reports: readonly HostReport[]): HostNow[] {
  return reports.map(({ host: { name, roles }, facts }) => ({ name, roles, status: statusIn(facts.agent) }));
}

function statusIn(text: string): AgentStatus | null {
  try {
    return agentStatusSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
