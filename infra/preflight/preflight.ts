/**
 * Looks at all hosts before the first of them is changed: whatever would make the deployment fail half
 * way is better said now, all of it at once. Changes nothing. Only at `pulumi up`: a preview must work
 * where no host can be reached, such as in CI.
 */
import type { Fault } from "../config/faults.ts";
import type { Topology } from "../config/topology.ts";
import { hostFaults, hostWarnings } from "./host-faults.ts";

export interface Seen {
  /** What makes hosts unfit, or keeps them from being looked at. */
  readonly faults: readonly Fault[];
  /** What may go wrong there, and is the operator's to judge. */
  readonly warnings: readonly string[];
  /** Names of the hosts that are not what was last deployed to them. */
  readonly drifted: ReadonlySet<string>;
}

/** Where nobody looks. */
export const nothingSeen: Seen = { faults: [], warnings: [], drifted: new Set() };

/** @param privateKey absent: the keys of the ssh-agent. */
export async function lookAtHosts(topology: Topology, privateKey: string | undefined): Promise<Seen> {
  // Only here: the SSH library takes a tenth of a second to load, and a preview needs none.
  const { accessFault, askHost } = await import("./ask-host.ts");
  const shutOut = accessFault(privateKey);
  if (shutOut !== undefined) return { faults: [shutOut], warnings: [], drifted: new Set() };
  const answers = await Promise.all(topology.hosts.map((host) => askHost(host, privateKey)));
  const faults = answers.flatMap((answer) => ("fault" in answer ? [answer.fault] : []));
  const reports = answers.flatMap((answer) => ("report" in answer ? [answer.report] : []));
  return {
    faults: [...faults, ...hostFaults(topology, reports)],
    warnings: hostWarnings(topology, reports),
    drifted: new Set(reports.filter(({ facts }) => facts.drifted).map(({ host }) => host.name)),
  };
}
