/** What an operator asks of power devices over the agent's socket: read one, cut a standby's power, give it back. */
import type { PowerReading } from "../../contract/fencing.ts";
import type { Clock } from "../../host/system/clock.ts";
import type { NeardHost } from "../run/neard-host.ts";
import type { Refusal } from "../run/refusal.ts";
import type { DeviceOf } from "./devices.ts";
import { NotWanted, powerOff } from "./power-off.ts";
import { type PowerWatch, readPower } from "./power-watch.ts";

/** An operator waits for it. */
const orderMs = 45_000;

export interface PowerDesk {
  test(host: string): Promise<PowerReading | Refusal>;
  off(host: string): Promise<PowerReading | Refusal>;
  on(host: string): Promise<PowerReading | Refusal>;
  confirm(host: string): Refusal | null;
}

type Agent = Pick<NeardHost, "state" | "settings" | "confirmOff" | "lookAnew">;

const never = new AbortController().signal;

export function powerDesk(agent: Agent | null, deviceOf: DeviceOf, watch: PowerWatch | null, clock: Clock): PowerDesk {
  const refused = (why: string, next: string): Refusal => ({ refused: why, next });

  function unusable(host: string): Refusal | null {
    if (agent === null) return refused("it is an arbiter, and has no power devices", "ask a neard host");
    if (host === agent.settings.host) return refused("no host is asked about its own power", "ask another neard host");
    if (deviceOf(host) !== null) return null;
    return refused(`${host} has no power device here`, "set holdfast:hosts, fence, and run pulumi up");
  }

  async function read(host: string): Promise<PowerReading> {
    const { atMs: _, ...reading } = noted(await readPower(deviceOf, host, clock, never));
    return reading;
  }

  function noted<T extends Awaited<ReturnType<typeof readPower>>>(reading: T): T {
    watch?.note(reading);
    return reading;
  }

  /** Nobody's power is cut by hand who holds the lock, or may. */
  async function notToBeCut(host: string): Promise<string | null> {
    if (agent === null) return "it is an arbiter";
    if (!(await agent.lookAnew(2000))) return "Consul does not confirm who holds the lock";
    const { lock } = agent.state.watch;
    if (lock === null || lock.seal !== "right") return "the lock does not prove who holds it";
    return lock.session !== null && lock.value?.host === host ? `${host} holds the lock` : null;
  }

  return {
    test: async (host) => unusable(host) ?? (await read(host)),
    off: async (host) => {
      const device = deviceOf(host);
      const fault = unusable(host);
      if (fault !== null || device === null) return fault ?? refused("no device", "");
      const stillWanted = async () => {
        const why = await notToBeCut(host);
        if (why !== null) throw new NotWanted(why);
      };
      try {
        await stillWanted();
        await powerOff(device, {
          clock,
          withinMs: orderMs,
          signal: never,
          failures: null,
          onTrouble: () => {},
          stillWanted,
        });
        return await read(host);
      } catch (error) {
        const next = `look at ${host}, holdfast status and holdfast fence test ${host}; then try again`;
        return refused(error instanceof Error ? error.message : String(error), next);
      }
    },
    on: async (host) => {
      const device = deviceOf(host);
      const fault = unusable(host);
      if (fault !== null || device === null) return fault ?? refused("no device", "");
      try {
        const before = await device.read({ withinMs: 10_000, signal: never });
        if (before.state === "off") await device.give({ withinMs: orderMs, signal: never });
        for (let tries = 0; tries < 20; tries++) {
          const reading = await read(host);
          if (reading.state === "on") return reading;
          await clock.sleep(device.pollMs);
        }
        return refused(`${host} is still off after it was given power`, `look at it by its console, and try again`);
      } catch (error) {
        return refused(error instanceof Error ? error.message : String(error), `see holdfast fence test ${host}`);
      }
    },
    confirm: (host) => {
      if (agent === null) return refused("it is an arbiter, and waits for nobody", "ask a standby");
      const why = agent.confirmOff(host);
      return why === null ? null : refused(why, "holdfast status says who waits for whom");
    },
  };
}
