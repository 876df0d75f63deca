/** The host that we run on, behind the port of `converge.ts`. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Concern, HostSpec, Secrets } from "../../contract/host-spec.ts";
import { paths, units } from "../../contract/paths.ts";
import { ConsulClient, type ConsulConnection } from "../consul/client.ts";
import { consulMaintenanceStore } from "../maintenance/consul-store.ts";
import { defaultBounds } from "../maintenance/decide.ts";
import { hostAgent } from "../maintenance/host-agent.ts";
import { withMaintenanceLock } from "../maintenance/with-lock.ts";
import { convergeAcl } from "./acl-consul.ts";
import { type Given, readConsulAccess } from "./consul-access.ts";
import type { ConvergeHost } from "./converge.ts";
import { readDeployedConfig } from "./deployed-config.ts";
import { healthFailure, hostProbe, unitsProbe, waitHealthy } from "./health.ts";
import { perform } from "./perform.ts";
import { type Progress, unhurried } from "./progress.ts";
import { readFacts } from "./read-facts.ts";
import { SpecStore } from "./spec-store.ts";
import { readUnits } from "./systemd.ts";
import { validateNeard } from "./validate-neard.ts";
import { wayToOthers } from "./way-to-others.ts";

/** Of one start or command; a unit's own TimeoutStartSec is usually shorter. */
const stepTimeoutMs = 150_000;

/** After a restart: longer than autopilot's two seconds between looks, so that it has seen the new process. */
const steadyAfterDisturbanceMs = 3000;

export const specStore = new SpecStore(paths.specs);

/** With nobody to ask, a program that is still there after this long has read its configuration. */
const steadyUnaskedMs = 1000;

const nowMs = () => performance.now();

export function thisHost(concern: Concern, secrets: Secrets, progress: Progress): ConvergeHost {
  return {
    readFacts: (spec) => readFacts(spec, specStore),
    validate: (spec, steps) => validateNeard(spec, secrets, steps, progress),
    perform: (step) => perform(step, { secrets, timeoutMs: stepTimeoutMs, progress }),
    writePending: (pending) => specStore.writePending(concern, pending),
    complete: (spec) => specStore.complete(spec),
    alone: (spec, disturbs, work) => alone(disturbs, work, { spec, secrets }, progress),
    waitHealthy: (spec, disturbed) => healthy(spec, disturbed, progress),
    convergeAcl: async (spec, given, done) => {
      if (spec.acl === undefined) return;
      const withinMs = spec.healthyWithinMs;
      await convergeAcl(spec.acl, given, { withinMs, progress, done: (what, why) => done({ what, why }) });
    },
  };
}

async function healthy(spec: HostSpec, disturbed: boolean, progress: Progress): Promise<void> {
  await waitHealthy({
    spec,
    steadyMs: disturbed ? steadyAfterDisturbanceMs : spec.healthy.length === 0 ? steadyUnaskedMs : 0,
    probe: hostProbe(spec.host),
    nowMs,
    sleep: async (ms) => void (await sleep(ms)),
    progress,
    probeUnits: unitsProbe(spec),
    failure: (what) => healthFailure(spec, what),
  });
}

/** A host that surely has no agent disturbs nobody, and nobody is asked. */
async function alone(
  disturbs: ReadonlySet<"consul" | "neard">,
  work: () => Promise<void>,
  given: Given,
  progress: Progress,
): Promise<void> {
  const agent = hostAgent(async () => (await readUnits([units.agent])).get(units.agent));
  const way = await wayToOthers({
    host: given.spec.host,
    agent,
    readConfig: () => readDeployedConfig(),
    readAccess: () => readConsulAccess(given),
  });
  if (way === null) return await work();
  const { config, servers } = way;
  const store = consulMaintenanceStore(servers, config);
  try {
    await withMaintenanceLock(
      {
        host: config.host,
        store,
        agent,
        ownConsulUp: () => answers(servers[0]),
        disturbsConsul: disturbs.has("consul"),
        bounds: defaultBounds,
        nowMs,
        sleep: async (ms) => void (await sleep(ms)),
        say: progress,
        progress: unhurried(progress, nowMs),
      },
      work,
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
