/** All hosts of a cluster as their agents say that they are. */
import type { HostNow } from "../../contract/taking-away.ts";
import type { ClusterSession } from "../command-context.ts";
import { askHosts, confirmClaims } from "../status/ask-hosts.ts";

export async function hostsNow({ cluster, links }: ClusterSession): Promise<HostNow[]> {
  const names = cluster.hosts.map(({ name }) => name);
  const answers = await confirmClaims(links, await askHosts(links, names));
  const statuses = new Map(answers.map((answer) => [answer.host, "status" in answer ? answer.status : null]));
  return cluster.hosts.map(({ name, roles }) => ({ name, roles, status: statuses.get(name) ?? null }));
}
