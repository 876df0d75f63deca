/**
 * This host's agent, as whoever is about to change the host has to take it: it answers, it surely is not there, or nothing
 * can be told. What cannot be told is never taken for "not there": the agent may be active.
 */
import { plainReason } from "../../contract/errors.ts";
import { units } from "../../contract/paths.ts";
import { AgentSocket } from "../../host/socket-client.ts";
import type { UnitFact } from "../facts.ts";
import type { AgentLook } from "./decide.ts";
import type { MaintenanceAgent } from "./with-lock.ts";

/** @param readUnit what systemd says of the agent's unit now; undefined: nothing */
export function hostAgent(
  readUnit: () => Promise<UnitFact | undefined>,
  socket: Pick<AgentSocket, "roleView" | "switchover" | "switchoverProgress"> = new AgentSocket(),
): MaintenanceAgent {
  return {
    look: async () => await lookAtAgent(() => socket.roleView(), readUnit),
    switchover: (wish) => socket.switchover(wish),
    switchoverProgress: (id) => socket.switchoverProgress(id),
  };
}

async function lookAtAgent(
  ask: () => ReturnType<AgentSocket["roleView"]>,
  readUnit: () => Promise<UnitFact | undefined>,
): Promise<AgentLook> {
  try {
    return await ask();
  } catch (error) {
    const unknown = { unknown: plainReason(error) };
    if (!isNobodyThere(error)) return unknown;
    // A socket without a listener is what an agent leaves that has just died, too: systemd knows whether one runs.
    const unit = await readUnit().catch(() => undefined);
    return unit?.state === "down" ? { absent: `${units.agent} does not run` } : unknown;
  }
}

/** No file, or nobody who listens; any other failure comes from something that is there. */
function isNobodyThere(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code === "ENOENT" || cause?.code === "ECONNREFUSED";
}
