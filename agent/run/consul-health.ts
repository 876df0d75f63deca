/** How this host's own Consul is, for status and monitoring only; no decision rests on it. */
import type { ConsulClient } from "../../host/consul/client.ts";
import { leaderUntracked } from "../../host/consul/errors.ts";
import type { ConsulView } from "./status.ts";

export const unreachable: ConsulView = {
  reachable: false,
  leader: null,
  isLeader: false,
  voter: false,
  healthy: false,
};

/**
 * Never throws: an unreachable Consul is an answer.
 * @param isServer whether this host's Consul is to be a server.
 * @param before what was last seen, for what nobody can say now.
 * @param whenUnseen told why the leader's word could not be had; see regain-leader.ts.
 */
export async function consulView(
  own: Pick<ConsulClient, "leader" | "health">,
  {
    host,
    isServer,
    before,
    whenUnseen,
  }: { host: string; isServer: boolean; before: ConsulView; whenUnseen: (error: unknown) => void },
): Promise<ConsulView> {
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
  } catch (error) {
    whenUnseen(error);
    const view = await viewWithoutHealth(own, isServer && (before.voter || !before.reachable));
    // What needs the leader, and a lease does, it cannot have from there.
    return leaderUntracked(error) ? { ...view, healthy: false } : view;
  }
}

/**
 * How the servers are it has from the leader, who may be gone, or busy with a lost server; it may answer by itself.
 * A server that answers stays a server, and is as well as its sight of a leader.
 */
async function viewWithoutHealth(own: Pick<ConsulClient, "leader">, voter: boolean): Promise<ConsulView> {
  try {
    const leader = await own.leader();
    return { reachable: true, leader, isLeader: false, voter, healthy: leader !== null };
  } catch {
    return unreachable;
  }
}
