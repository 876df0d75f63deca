/** Standing down, and Consul's snapshots: what the socket offers for changes to Consul itself. */
import type { StandDownRequest } from "../../contract/wire/agent-status.ts";
import type { ConsulConnection } from "../../host/consul/client.ts";
import { ConsulRefused } from "../../host/consul/errors.ts";
import { restoreSnapshot, saveSnapshot } from "../../host/consul/snapshot.ts";
import type { Desk } from "./http.ts";
import type { NeardHost } from "./neard-host.ts";
import type { Refusal } from "./refusal.ts";

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
    saveSnapshot: async (token: string) =>
      await orRefused(
        saveSnapshot(connections, token),
        "Check that the stack's management token is Consul's: docs/operate/snapshots.md says how to make the ACLs anew",
      ),
    restoreSnapshot: async (token: string, snapshot: Buffer) => {
      if (agent?.state.standDown == null || agent.state.phase.name !== "standby")
        return refuse("this host does not stand down", "use holdfast snapshot restore: it has all hosts let go first");
      const refusal = await orRefused(
        restoreSnapshot(own, token, snapshot),
        "Check that the file is a snapshot of this cluster, and that its management token is the stack's",
      );
      return refusal ?? null;
    },
  };
}

/** What Consul itself says no to is a refusal; that nothing is known stays an error. */
async function orRefused<T>(work: Promise<T>, next: string): Promise<T | Refusal> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ConsulRefused)) throw error;
    return { refused: `Consul said no: ${error.message}`, next };
  }
}
