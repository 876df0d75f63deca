/** The host that we run on, behind the port of drain.ts. */
import { existsSync } from "node:fs";
import { HoldfastError } from "../contract/errors.ts";
import { credentials, units, users } from "../contract/paths.ts";
import { ConsulClient } from "../host/consul/client.ts";
import { userExists } from "../host/system/users.ts";
import { readConsulAccess } from "./consul-access.ts";
import type { Change } from "./converge.ts";
import { deleteSealed } from "./credentials.ts";
import type { DrainHost } from "./drain.ts";
import { readIdentity } from "./identity.ts";
import { credentialPath } from "./inventory.ts";
import { sayGoodbye } from "./leave-consul.ts";
import { defaultBounds } from "./maintenance/decide.ts";
import type { Progress } from "./progress.ts";
import { endWithKey } from "./remove.ts";
import { forgetFailure, readUnits, unitJob } from "./systemd.ts";
import { alone } from "./this-host.ts";

const stepTimeoutMs = 150_000;

export function drainThisHost(host: string, progress: Progress, done: (change: Change) => void): DrainHost {
  return {
    host,
    alone: (work) => alone(new Set(["consul", "neard"]), work, { spec: { host } }, progress, defaultBounds.waitMs),
    async retire(unit) {
      const fact = (await readUnits([unit])).get(unit);
      if (fact === undefined || !fact.loaded || (fact.state === "down" && !fact.enabled)) return false;
      // First, so that a machine that is switched off in between comes back as it shall be.
      await unitJob("disable", unit, { timeoutMs: stepTimeoutMs, progress });
      await unitJob("stop", unit, { timeoutMs: stepTimeoutMs, progress });
      await forgetFailure(unit);
      return true;
    },
    async endWithKey() {
      if (userExists(users.neard)) await endWithKey({ host, progress, done });
    },
    async eraseSealedKeys() {
      const there = [credentials.validatorKey, credentials.nextValidatorKey].map(credentialPath).filter(existsSync);
      for (const path of there) await deleteSealed(path);
      return there;
    },
    async leaveConsul() {
      if ((await readUnits([units.consul])).get(units.consul)?.state !== "running") return false;
      const access = await readConsulAccess();
      if (access === null) return false;
      const own = new ConsulClient(access[0]);
      try {
        await sayGoodbye(own, { progress, done });
        return true;
      } finally {
        own.close();
      }
    },
  };
}

/**
 * Whose machine it is, before it is taken out of service.
 * @throws HoldfastError HF_HOST_FOREIGN
 */
export async function requireThisHost(host: string, account: string, network: string): Promise<void> {
  const identity = await readIdentity();
  const found = identity === null ? "nobody's" : `${identity.host} of ${identity.account} on ${identity.network}`;
  if (identity !== null && identity.host === host && identity.account === account && identity.network === network)
    return;
  throw new HoldfastError(
    "HF_HOST_FOREIGN",
    `This machine is ${found}, not ${host} of ${account} on ${network}. Nothing was changed on it.`,
    { next: "Compare the addresses in holdfast:hosts; pulumi up says more." },
  );
}
