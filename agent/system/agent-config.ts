/** /etc/holdfast/agent.json, as the agent reads it. */
import { readFileSync } from "node:fs";
import { type AgentConfig, agentConfigSchema } from "../../contract/agent-config.ts";
import { HoldfastError } from "../../contract/errors.ts";
import { paths } from "../../contract/paths.ts";

/** @throws HoldfastError HF_CONFIG_INVALID naming the file and every fault in it. */
export function readAgentConfig(): AgentConfig {
  const path = paths.agentConfig;
  try {
    return agentConfigSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    throw new HoldfastError("HF_CONFIG_INVALID", `${path} cannot be used: ${(error as Error).message}`, {
      next: "It is written by pulumi up; run that again, or compare with holdfastd check.",
      cause: error,
    });
  }
}
