/**
 * Whom an apply that disturbs this host has to ask before it does: nobody where there surely is no agent, else the
 * cluster. What cannot be read is no reason to go on without asking: the host may be active, and another one may be under
 * way.
 */
import { HoldfastError } from "../contract/errors.ts";
import { paths, units } from "../contract/paths.ts";
import type { ConsulConnection } from "../host/consul/client.ts";
import type { DeployedConfig } from "./deployed-config.ts";
import type { MaintenanceAgent } from "./maintenance/with-lock.ts";

export interface WayToOthers {
  readonly config: DeployedConfig;
  /** This host's own Consul first. */
  readonly servers: readonly [ConsulConnection, ...ConsulConnection[]];
}

/** This host, as far as it matters here. */
export interface Asking {
  readonly host: string;
  readonly agent: Pick<MaintenanceAgent, "look">;
  /** Null: the agent is not set up. */
  readConfig(): Promise<DeployedConfig | null>;
  readAccess(): Promise<WayToOthers["servers"] | null>;
}

/**
 * Null: this host surely has no agent, and is no part of a working cluster yet.
 * @throws HoldfastError HF_REFUSED when there is an agent, or may be one, and no way to the others
 */
export async function wayToOthers({ host, agent, readConfig, readAccess }: Asking): Promise<WayToOthers | null> {
  const config = await readConfig();
  if (config === null) {
    const seen = await agent.look();
    if ("absent" in seen) return null;
    const what = "role" in seen ? `it is ${seen.role}` : seen.unknown;
    throw refusal(
      host,
      `an agent is there (${what}), and ${paths.agentConfig}, which says to which cluster it belongs, is not`,
      `Stop that agent on the host (systemctl stop ${units.agent}), which ends its lease within seconds, and run pulumi up again.`,
    );
  }
  const servers = await readAccess().catch((error: Error) => {
    // Sealed and written anew by the concern `consul`, which is given all of it, and comes before all else that disturbs.
    const next = "Run the whole pulumi up: with the concern consul it mends what is damaged here before anything else.";
    throw refusal(host, error.message.replace(/\.$/, ""), next, error);
  });
  if (servers === null) throw new Error("an agent without a way to Consul has passed its checks");
  return { config, servers };
}

function refusal(host: string, why: string, next: string, cause?: unknown): HoldfastError {
  return new HoldfastError(
    "HF_REFUSED",
    `${host} cannot be changed now, for the other hosts cannot be asked to spare it: ${why}. Nothing was changed here.`,
    { next, cause },
  );
}
