/** The host that we run on, behind the port of `converge.ts`. */
import { setTimeout as sleep } from "node:timers/promises";
import { paths, units } from "../contract/paths.ts";
import { type Concern, type HostSpec, managementTokenOnStdin, type Secrets } from "../contract/wire/host-spec.ts";
import { ConsulClient, type ConsulConnection } from "../host/consul/client.ts";
import { convergeAcl } from "./acl-consul.ts";
import { type Given, readConsulAccess } from "./consul-access.ts";
import type { ConvergeHost } from "./converge.ts";
import { type DeployedConfig, readDeployedConfig } from "./deployed-config.ts";
import { beforeFirstStart } from "./first-start.ts";
import { healthFailure, hostProbe, steadyAfter, unitsProbe, waitHealthy } from "./health.ts";
import { keepSnapshot, replacesConsul } from "./keep-snapshot.ts";
import { left } from "./left.ts";
import { consulMaintenanceStore } from "./maintenance/consul-store.ts";
import { defaultBounds } from "./maintenance/decide.ts";
import { hostAgent } from "./maintenance/host-agent.ts";
import { type Alone, withMaintenanceLock } from "./maintenance/with-lock.ts";
import { perform } from "./perform.ts";
import { type Progress, unhurried } from "./progress.ts";
import { readFacts } from "./read-facts.ts";
import { SpecStore } from "./spec-store.ts";
import { disturbances, type Step } from "./steps.ts";
import { readUnits } from "./systemd.ts";
import { validateNeard } from "./validate-neard.ts";
import { wayToOthers } from "./way-to-others.ts";

/** Of one start or command; a unit's own TimeoutStartSec is usually shorter. */
const stepTimeoutMs = 150_000;

export const specStore = new SpecStore(paths.specs);

/** For the maintenance lock, when waiting for another apply on this host has used up the time. */
const leastWaitMs = 60_000;

const nowMs = () => performance.now();

export interface ApplyContext {
  readonly secrets: Secrets;
  readonly progress: Progress;
  /** How long all other hosts together may take before this one. */
  readonly othersWithinMs: number;
}

export function thisHost(concern: Concern, { secrets, progress, othersWithinMs }: ApplyContext): ConvergeHost {
  let isAlone: Alone | null = null;
  let lockDelayMs: number | null = null;
  let given: { readonly spec: HostSpec; readonly secrets: Secrets } | null = null;
  return {
    readFacts: (spec) => {
      given = { spec, secrets };
      return readFacts(spec, specStore);
    },
    validate: (spec, steps) => validateNeard(spec, secrets, steps, progress),
    perform: async (step) => {
      if (replacesConsul(step) && isAlone?.isLocked === true && given !== null) await keepSnapshot(given, progress);
      if (disturbances([step]).has("consul")) await isAlone?.untilSpared();
      if (startsConsul(step) && given !== null) await beforeFirstStart(given, progress);
      await perform(step, { secrets, timeoutMs: stepTimeoutMs, progress });
    },
    writePending: (pending) => specStore.writePending(concern, pending),
    complete: (spec) => specStore.complete(spec),
    alone: (spec, disturbs, work) => {
      const only = async (alone: Alone | null, config?: DeployedConfig) => {
        isAlone = alone;
        if (disturbs.has("consul")) lockDelayMs = config?.lease.lockDelayMs ?? null;
        await work();
      };
      return alone(disturbs, only, { spec, secrets }, progress, Math.max(othersWithinMs, leastWaitMs));
    },
    waitHealthy: (spec, disturbed) => healthy(spec, disturbed, lockDelayMs, progress),
    convergeAcl: async (spec, given, done) => {
      if (spec.acl === undefined) return;
      const withinMs = spec.healthyWithinMs;
      await convergeAcl(spec.acl, given, { withinMs, progress, done: (what, why) => done({ what, why }) });
    },
  };
}

const startsConsul = (step: Step): boolean =>
  step.kind === "unit" && step.unit === units.consul && (step.action === "start" || step.action === "restart");

/** @param lockDelayMs null where no Consul of a living cluster was disturbed */
async function healthy(
  spec: HostSpec,
  disturbed: boolean,
  lockDelayMs: number | null,
  progress: Progress,
): Promise<void> {
  await waitHealthy({
    spec,
    ...steadyAfter(spec, disturbed, lockDelayMs),
    probe: hostProbe(spec.host),
    nowMs,
    sleep: async (ms) => void (await sleep(ms)),
    progress,
    left,
    probeUnits: unitsProbe(spec),
    failure: (what) => healthFailure(spec, what),
  });
}

/** A host that surely has no agent disturbs nobody, and nobody is asked. */
export async function alone(
  disturbs: ReadonlySet<"consul" | "neard">,
  work: (alone: Alone | null, config?: DeployedConfig) => Promise<void>,
  given: Given | { readonly spec: { readonly host: string } },
  progress: Progress,
  waitMs: number,
): Promise<void> {
  const agent = hostAgent(async () => (await readUnits([units.agent])).get(units.agent));
  const way = await wayToOthers({
    host: given.spec.host,
    agent,
    readConfig: () => readDeployedConfig(),
    readAccess: () => readConsulAccess("secrets" in given ? given : null),
  });
  if (way === null) return await work(null);
  const { config, servers } = way;
  const token = "secrets" in given ? given.secrets[managementTokenOnStdin] : undefined;
  const store = consulMaintenanceStore(servers, config, token);
  try {
    await withMaintenanceLock(
      {
        host: config.host,
        store,
        agent,
        ownConsulUp: () => answers(servers[0]),
        disturbsConsul: disturbs.has("consul"),
        keepsKey: disturbs.size === 0,
        bounds: { ...defaultBounds, waitMs },
        left,
        nowMs,
        sleep: async (ms) => void (await sleep(ms)),
        say: progress,
        progress: unhurried(progress, nowMs),
      },
      (alone) => work(alone, config),
    );
  } finally {
    store.close();
  }
}

/** Any answer will do, "no leader" too: then it is the others who are missing. */
async function answers(server: ConsulConnection): Promise<boolean> {
  const client = new ConsulClient(server);
  try {
    await client.leader();
    return true;
  } catch {
    return false;
  } finally {
    client.close();
  }
}
