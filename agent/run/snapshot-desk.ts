/** Standing down, and Consul's snapshots: what the socket offers for changes to Consul itself. */
import type { StandDownRequest } from "../../contract/agent-status.ts";
import type { ConsulConnection } from "../consul/client.ts";
import { restoreSnapshot, saveSnapshot } from "../consul/snapshot.ts";
import type { Desk } from "./http.ts";
import type { NeardHost } from "./neard-host.ts";

/** A restore may roll the lock back, so the host through which it goes must itself have let go first. */
export function snapshotDesk(
  connections: readonly ConsulConnection[],
  agent: Pick<NeardHost, "standDown" | "standUp" | "state"> | null,
): Pick<Desk, "standDown" | "standUp" | "saveSnapshot" | "restoreSnapshot"> {
  const [own] = connections;
  if (own === undefined) throw new Error("no Consul address configured");
  const refuse = (refused: string, next: string) => ({ refused, next });
  return {
    standDown: (request: StandDownRequest) => {
      if (agent === null) return refuse("an arbiter holds nothing", "ask the hosts with neard");
      agent.standDown(request);
      return null;
    },
    standUp: (id: string) => agent?.standUp(id),
    saveSnapshot: async (token: string) => await saveSnapshot(own, token),
    restoreSnapshot: async (token: string, snapshot: Buffer) => {
      if (agent?.state.standDown == null || agent.state.phase.name !== "standby")
        return refuse("this host does not stand down", "use holdfast snapshot restore: it has all hosts let go first");
      await restoreSnapshot(own, token, snapshot);
      return null;
    },
  };
}
