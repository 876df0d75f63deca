/** The agent's configuration, as the agent reads it. */
import { readFileSync } from "node:fs";
import { HoldfastError } from "../../contract/errors.ts";
import { paths } from "../../contract/paths.ts";
import { type AgentConfig, agentConfigShape } from "../../contract/wire/agent-config.ts";
import { readShape } from "../../contract/wire/format.ts";

/** @throws HoldfastError HF_CONFIG_INVALID naming the file and every fault in it. */
export function readAgentConfig(path: string = paths.agentConfig): AgentConfig {
  const next = "It is written by pulumi up; run that again, or compare with holdfastd check.";
  let cause: unknown;
  try {
    const reading = readShape(agentConfigShape, readFileSync(path, "utf8"));
    if (reading.is === "read") return reading.value;
    if (reading.is === "newer")
      throw new HoldfastError("HF_CONFIG_INVALID", `${path} is of a newer release (format ${reading.format}).`, {
        next,
      });
    cause = reading.error;
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    cause = error;
  }
  throw new HoldfastError("HF_CONFIG_INVALID", `${path} cannot be used: ${(cause as Error).message}`, { next, cause });
}
