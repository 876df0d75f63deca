/** How this host's own Consul is, for status and monitoring only; no decision rests on it. */
import type { ConsulClient } from "../consul/client.ts";
import type { ConsulView } from "./status.ts";

export const unreachable: ConsulView = {
  reachable: false,
  leader: null,
  isLeader: false,
  voter: false,
  healthy: false,
};

/** Never throws: an unreachable Consul is an answer. */
export async function consulView(own: Pick<ConsulClient, "leader" | "health">, host: string): Promise<ConsulView> {
  try {
    const { Servers } = await own.health();
    const mine = Servers.find((server) => server.Name === host);
    return {
      reachable: true,
      leader: Servers.find((server) => server.Leader)?.Name ?? null,
      isLeader: mine?.Leader ?? false,
      voter: mine?.Voter ?? false,
      // A host without a Consul server is as healthy as its way to the leader.
      healthy: mine?.Healthy ?? true,
    };
  } catch {
    return await viewWithoutHealth(own);
  }
}

/** How the servers are it has from the leader, who may be gone, or busy with a lost server; it may answer by itself. */
async function viewWithoutHealth(own: Pick<ConsulClient, "leader">): Promise<ConsulView> {
  try {
    return { ...unreachable, reachable: true, leader: await own.leader() };
  } catch {
    return unreachable;
  }
}
