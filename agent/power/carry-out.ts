/** Carries out what the decision core asks of power devices: a look, or a power-off that is still wanted. No decisions. */
import type { PowerProof } from "../../contract/fencing.ts";
import type { consulKeys } from "../../contract/topology.ts";
import type { ConsulServers, LeaseConsul } from "../../host/consul/servers.ts";
import type { Clock } from "../../host/system/clock.ts";
import { type LockView, lockViewFrom } from "../lease/lock-record.ts";
import type { Sealer } from "../lease/seal.ts";
import type { Effect } from "../role/types.ts";
import type { DeviceOf } from "./devices.ts";
import { NotWanted, powerOff } from "./power-off.ts";

/** Of the consistent read before an order. */
const confirmMs = 2000;

export interface PowerPartners {
  readonly keys: ReturnType<typeof consulKeys>;
  readonly clock: Pick<Clock, "bootMs" | "wallMs" | "sleep">;
  readonly servers: ConsulServers<Pick<LeaseConsul, "readPrefix">>;
  readonly custody: { readonly sealer: Sealer };
  readonly deviceOf: DeviceOf;
}

type PowerEffect = Extract<Effect, { do: "power" }>;

export interface CarriedOut {
  /** `off` only where the device showed it. */
  readonly proof: PowerProof;
  /** It was not wanted any more: that nothing is proven is no failure of the device's. */
  readonly isBrokenOff: boolean;
}

/** @param onTrouble what goes wrong while it is still tried. Never throws. */
export async function carryOut(
  effect: PowerEffect,
  partners: PowerPartners,
  signal: AbortSignal,
  onTrouble: (because: string) => void,
): Promise<CarriedOut> {
  const { job, withinMs, lock, failures } = effect;
  const { clock, deviceOf } = partners;
  const device = deviceOf(job.host);
  const startMs = clock.bootMs();
  const told = (outcome: "off" | "unproven", because: string, isBrokenOff = false): CarriedOut => {
    const at = new Date(clock.wallMs()).toISOString();
    const tookMs = Math.round(clock.bootMs() - startMs);
    return { proof: { host: job.host, device: device?.kind ?? "none", outcome, because, at, tookMs }, isBrokenOff };
  };
  try {
    if (device === null) throw new Error(`${job.host} has no power device`);
    if (job.what === "look") {
      const { state, because } = await device.read({ withinMs, signal });
      return state === "off" ? told("off", `${because} was off already`) : told("unproven", `${because} is on`);
    }
    const stillWanted = async () => await confirmLock(lock, partners);
    return told("off", await powerOff(device, { clock, withinMs, signal, failures, onTrouble, stillWanted }));
  } catch (error) {
    const isBrokenOff = signal.aborted || error instanceof NotWanted;
    return told("unproven", error instanceof Error ? error.message : String(error), isBrokenOff);
  }
}

/**
 * Nobody is powered off by a host that a majority of Consul does not hear, nor one that has come back to life.
 * @throws NotWanted when the lock has moved, or somebody paused; ConsulUnknown when that cannot be told
 */
async function confirmLock(lock: LockView, { servers, keys, custody }: PowerPartners): Promise<void> {
  const { entries } = await servers.use((consul) => consul.readPrefix(keys.root, { timeoutMs: confirmMs }));
  const now = lockViewFrom(
    entries.find(({ key }) => key === keys.lock),
    custody.sealer,
  );
  const isSame =
    now.modifyIndex === lock.modifyIndex && now.lockIndex === lock.lockIndex && now.session === lock.session;
  if (!isSame) throw new NotWanted("the lock has moved since: nobody is powered off");
  if (entries.some(({ key }) => key === keys.pause))
    throw new NotWanted("the cluster is paused: nobody is powered off");
}
