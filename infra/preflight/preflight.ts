/**
 * Looks at all hosts before the first of them is changed: whatever would make the deployment fail half
 * way is better said now, all of it at once. Changes nothing. Only at `pulumi up`: a preview must work
 * where no host can be reached, such as in CI.
 */
import { refuseFaults } from "../config/faults.ts";
import type { Topology } from "../config/topology.ts";
import { askHost } from "./ask-host.ts";
import { hostFaults } from "./host-faults.ts";

/**
 * @param privateKey absent: the keys of the ssh-agent.
 * @returns names of the hosts that are not what was last deployed to them.
 * @throws FaultsError
 */
export async function preflight(topology: Topology, privateKey: string | undefined): Promise<ReadonlySet<string>> {
  const answers = await Promise.all(topology.hosts.map((host) => askHost(host, privateKey)));
  const faults = answers.flatMap((answer) => ("fault" in answer ? [answer.fault] : []));
  const reports = answers.flatMap((answer) => ("report" in answer ? [answer.report] : []));
  refuseFaults("the hosts", [...faults, ...hostFaults(topology, reports)]);
  return new Set(reports.filter(({ facts }) => facts.drifted).map(({ host }) => host.name));
}
