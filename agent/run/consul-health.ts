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
export async function consulView(own: ConsulClient, host: string): Promise<ConsulView> {
  try {
    const leader = await own.leader();
    if (leader === null) return { ...unreachable, reachable: true };
    const { Servers } = await own.health();
    const mine = Servers.find((server) => server.Name === host);
    const leading = Servers.find((server) => server.Leader);
    return {
      reachable: true,
      leader: leading?.Name ?? leader,
      isLeader: mine?.Leader ?? false,
      voter: mine?.Voter ?? false,
      // A host without a Consul server is as healthy as its way to the leader.
      healthy: mine?.Healthy ?? true,
    };
  } catch {
    return unreachable;
  }
}
