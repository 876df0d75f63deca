/** The power devices that an agent's configuration names. */
import type { AgentFencing, PowerDeviceConfig } from "../../contract/fencing.ts";
import { HcloudClient } from "../../hcloud/client.ts";
import { CommandDevice } from "./command-device.ts";
import type { PowerDevice } from "./device.ts";
import { HcloudDevice } from "./hcloud-device.ts";

/** By host; null: it has none. */
export type DeviceOf = (host: string) => PowerDevice | null;

/**
 * @param token for Hetzner Cloud, as this host's credential has it; null: there is none
 * @param onTrouble told of a device that cannot be used at all; whoever asks for it then gets one that says so
 */
export function openDevices(
  { devices }: Pick<AgentFencing, "devices">,
  token: string | null,
  onTrouble: (what: string) => void,
): DeviceOf {
  const opened = new Map(devices.map((config) => [config.host, open(config, token, onTrouble)]));
  return (host) => opened.get(host) ?? null;
}

function open(config: PowerDeviceConfig, token: string | null, onTrouble: (what: string) => void): PowerDevice {
  if (config.device === "command") return new CommandDevice(config);
  try {
    if (token === null) throw new TypeError("the fencing token is missing or cannot be unsealed");
    return new HcloudDevice(config, new HcloudClient({ token, endpoint: config.endpoint }));
  } catch (error) {
    const why = (error as Error).message;
    onTrouble(`the power of ${config.host} cannot be cut: ${why}`);
    return useless(config.device, why);
  }
}

function useless(kind: PowerDevice["kind"], why: string): PowerDevice {
  const fail = async (): Promise<never> => {
    throw new Error(why);
  };
  return { kind, pollMs: 1000, read: fail, cut: fail, give: fail };
}
