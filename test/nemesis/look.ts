/**
 * A look at a host that disturbs nothing: the agent's socket, through the host's root as this machine sees
 * it. No SSH, no firewall, no process on the host; a host that is off, frozen or cut off answers as it can.
 */
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { paths } from "../../contract/paths.ts";
import { agentConfigSchema } from "../../contract/wire/agent-config.ts";
import { type AgentStatus, agentStatusSchema } from "../../contract/wire/agent-status.ts";
import { genesisSchema } from "../../lab/chain/genesis.ts";
import type { Lab, LabChain } from "../../lab/hosts/description.ts";
import { initPid } from "../../lab/hosts/power.ts";
import { slotMs as realSlotMs } from "../../lab/real/judge.ts";
import type { Limits } from "./bounds.ts";

const withinMs = 450;

/** What the agent says of itself; null where it says nothing in time. */
export async function lookAt(lab: Lab, host: string): Promise<AgentStatus | null> {
  const init = initPid(lab, host);
  if (init === null) return null;
  try {
    const text = await get(`/proc/${init}/root${paths.socket}`, "/status");
    return agentStatusSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

export async function lookAtAll(lab: Lab): Promise<Map<string, AgentStatus | null>> {
  return new Map(await Promise.all(lab.hosts.map(async ({ name }) => [name, await lookAt(lab, name)] as const)));
}

/** What the cluster was deployed with, as the agent of `host` reads it. */
export function readLimits(lab: Lab, host: string): Limits {
  const config = agentConfigSchema.parse(JSON.parse(readOnHost(lab, host, paths.agentConfig)));
  if (lab.chain === null || config.neard === undefined) throw new Error(`${host} has no neard, or the lab no chain`);
  const { hungMs, maxHeadAgeMs } = config.neard;
  return { lease: config.lease, hungMs, maxHeadAgeMs, slotMs: slotMsOf(lab, lab.chain) };
}

/** The simulated chain's own; a real one has none, so what its witness takes for one. */
function slotMsOf(lab: Lab, chain: LabChain): number {
  if (lab.neard !== null) return realSlotMs;
  return genesisSchema.parse(JSON.parse(readFileSync(chain.genesisFile, "utf8"))).slot_ms;
}

function readOnHost(lab: Lab, host: string, path: string): string {
  return readFileSync(`/proc/${initPid(lab, host)}/root${path}`, "utf8");
}

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    });
    // Not only the socket's silence: a frozen host accepts and never answers.
    const giveUp = setTimeout(() => sent.destroy(new Error("no answer")), withinMs);
    sent.once("error", reject);
    sent.once("close", () => clearTimeout(giveUp));
    sent.end();
  });
}
