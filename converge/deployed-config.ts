/**
 * What this host's agent was deployed with, as far as whoever changes or removes it has to know: in which cluster
 * to take the maintenance lock, and whom to ask.
 *
 * Awkward cases: another version of holdfast wrote /etc/holdfast/agent.json, so only what is needed here is read; and
 * somebody damaged or deleted the file, so the spec that last went through stands in, which has the file's lines.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import * as z from "zod";
import { HoldfastError, plainReason } from "../contract/errors.ts";
import { paths } from "../contract/paths.ts";
import { longestHeardMs } from "../contract/timing.ts";
import { agentConfigSchema, agentConfigShape } from "../contract/wire/agent-config.ts";
import { readShape, type Shape } from "../contract/wire/format.ts";
import { SpecStore } from "./spec-store.ts";

const { network, account, host, consul } = agentConfigSchema.shape;
const { urls, caFile, certFile } = consul.shape;
const deployedShape = {
  ...agentConfigShape,
  schema: z.object({
    network,
    account,
    host,
    consul: z.object({ urls, caFile, certFile }),
    /** What cannot be read is the longest that there is. */
    lease: z.object({ lockDelayMs: z.number().int().positive() }).catch({ lockDelayMs: longestHeardMs }),
    /** Absent on an arbiter. */
    neard: z.object({}).optional(),
  }),
} satisfies Shape<unknown>;

export type DeployedConfig = z.infer<typeof deployedShape.schema>;

/**
 * Null where the agent is not set up.
 * @throws HoldfastError HF_CONFIG_INVALID when the file cannot be used, and nothing else says what was in it
 */
export async function readDeployedConfig(
  path: string = paths.agentConfig,
  store: Pick<SpecStore, "readSpec"> = new SpecStore(paths.specs),
): Promise<DeployedConfig | null> {
  try {
    return from(await readFile(path, "utf8"));
  } catch (unusable) {
    const spec = await store.readSpec("agent");
    const lines = spec?.files.find((file) => file.path === paths.agentConfig)?.lines;
    if (lines !== undefined) return from(lines.join("\n"));
    if (!existsSync(path)) return null;
    throw new HoldfastError("HF_CONFIG_INVALID", `${path} cannot be used: ${plainReason(unusable)}`, {
      next: `Move ${path} away on this host if nothing of holdfast runs there, and run pulumi up again.`,
      cause: unusable,
    });
  }
}

/** @throws Error when it cannot be used */
function from(text: string): DeployedConfig {
  const reading = readShape(deployedShape, text);
  if (reading.is === "read") return reading.value;
  throw reading.is === "newer" ? new Error(`it is of a newer release (format ${reading.format})`) : reading.error;
}
