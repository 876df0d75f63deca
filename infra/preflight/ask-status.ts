/** What the agent on a host says of itself, over SSH: for a change that must not meet the active one. */
import { type AgentStatus, agentStatusSchema } from "../../contract/agent-status.ts";
import { paths } from "../../contract/paths.ts";
import { dial } from "../../ssh/dial.ts";
import { exec } from "../../ssh/exec.ts";
import type { Login } from "../../ssh/way.ts";
import type { Host } from "../config/topology.ts";

const withinMs = 10_000;
const retryMs = 2000;

/** Null: it says nothing, whatever the reason. */
export async function askStatus(host: Host, login: Login): Promise<AgentStatus | null> {
  const way = { name: host.name, ...host.ssh };
  const signal = AbortSignal.timeout(2 * withinMs);
  try {
    const open = await dial(way, login, { withinMs, retryMs, signal });
    try {
      const { stdout } = await exec(open.client, way, [paths.holdfastd, "status", "--json"], { signal });
      return agentStatusSchema.parse(JSON.parse(stdout));
    } finally {
      open.destroy();
    }
  } catch {
    return null;
  }
}
