/**
 * Injects faults and heals them. What is on is kept in the lab's state, so any command can heal what
 * another one injected. A fault that ends by itself has a keeper: a small process of its own that
 * waits and heals (keeper.ts).
 *
 * Written down before it takes effect: a command that dies in between leaves a note too many, never a
 * fault that nobody knows of.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { HoldfastError } from "../../contract/errors.ts";
import { findLab, hostOf, type Lab, labPaths } from "../hosts/description.ts";
import { writeAtomic } from "../hosts/files.ts";
import { withLock } from "../hosts/lock.ts";
import { isOn, powerOn, setFrozen, waitForSsh } from "../hosts/power.ts";
import { startDetached } from "../hosts/process.ts";
import { type ActiveFault, activeFaultSchema, type FaultKind, needsPeer } from "./fault.ts";
import { kindOf } from "./kinds.ts";
import { applyNetworkFaults } from "./network.ts";

const keeper = fileURLToPath(new URL("./keeper.ts", import.meta.url));

export interface Moment {
  /** This machine's wall clock, in ms since 1970. */
  readonly wallMs: number;
  /** This machine's monotonic clock, the same in all of its processes. */
  readonly monotonicMs: number;
}

/** With the moment by which the fault had taken effect. */
export interface InjectedFault extends Moment {
  readonly id: string;
  readonly kind: string;
  readonly host: string;
  readonly untilMs: number | null;
}

export interface InjectOptions {
  /** Heals by itself after this long. Without it: until healed. */
  readonly forMs?: number | undefined;
  /** The other host, for a fault between two. */
  readonly peer?: string | undefined;
}

const exclusive = <T>(lab: Lab, work: () => Promise<T>) => withLock(`faults ${lab.name}`, 90_000, work);

/** What is on now. */
export function activeFaults(lab: Lab): ActiveFault[] {
  const file = labPaths(lab.name).faults;
  return existsSync(file) ? z.array(activeFaultSchema).parse(JSON.parse(readFileSync(file, "utf8"))) : [];
}

/**
 * Injects a fault and returns once it has taken effect.
 * @throws HoldfastError HF_USAGE for an unknown kind or host, HF_LAB where it cannot be injected
 */
export async function injectFault(
  lab: Lab,
  kindName: string,
  hostName: string,
  options: InjectOptions = {},
): Promise<InjectedFault> {
  const kind = kindOf(kindName);
  const host = hostOf(lab, hostName);
  if (options.forMs !== undefined && !kind.lasting)
    throw new HoldfastError("HF_USAGE", `${kind.name} is over in an instant: it cannot last.`, {
      next: "Leave out --for.",
    });
  const peer = options.peer === undefined ? undefined : hostOf(lab, options.peer).name;
  if ((peer !== undefined) !== (kind.needs === needsPeer) || peer === host.name)
    throw new HoldfastError(
      "HF_USAGE",
      `${kind.name} ${kind.needs === needsPeer ? "is between two hosts" : "concerns one host"}.`,
      {
        next: `${kind.needs === needsPeer ? "Name the other one" : "Leave it out"}: --peer.`,
      },
    );
  return exclusive(lab, async () => {
    const before = activeFaults(lab);
    const id = randomBytes(4).toString("hex");
    const between = peer === undefined ? {} : { peer };
    const noted = { id, kind: kind.name, host: host.name, ...between, sinceMs: Date.now(), untilMs: null };
    const active = kind.lasting ? [...before, noted] : before;
    save(lab, active);
    const effects: Moment[] = [];
    const tookEffect = () => effects.push(momentNow());
    try {
      await kind.inject({ lab, host, active, tookEffect });
    } catch (error) {
      save(lab, before);
      throw error;
    }
    const { wallMs, monotonicMs } = effects[0] ?? momentNow();
    const untilMs = options.forMs === undefined ? null : wallMs + options.forMs;
    if (untilMs !== null) {
      save(lab, [...before, { ...noted, sinceMs: wallMs, untilMs }]);
      await startDetached([keeper, lab.name, id, String(untilMs)], `${labPaths(lab.name).dir}/faults.log`);
    }
    return { id, kind: kind.name, host: host.name, wallMs, monotonicMs, untilMs };
  });
}

function momentNow(): Moment {
  return { wallMs: Date.now(), monotonicMs: Number(process.hrtime.bigint() / 1000n) / 1000 };
}

/** Heals one fault; false if it was healed before. */
export async function healFault(lab: Lab, id: string): Promise<boolean> {
  return exclusive(lab, async () => {
    const fault = activeFaults(lab).find((candidate) => candidate.id === id);
    if (fault === undefined) return false;
    await heal(lab, fault);
    return true;
  });
}

/**
 * Heals every fault of the lab, or of one host, and boots what is off; what was healed. Also right
 * when nothing is known to be wrong.
 */
export async function healAll(lab: Lab, hostName?: string): Promise<ActiveFault[]> {
  const hosts = hostName === undefined ? lab.hosts : [hostOf(lab, hostName)];
  return exclusive(lab, async () => {
    const healed = activeFaults(lab).filter((fault) => hostName === undefined || fault.host === hostName);
    const names = new Set(hosts.map((host) => host.name));
    const others = activeFaults(lab).filter((fault) => !healed.includes(fault) || !names.has(fault.host));
    await applyNetworkFaults(lab, others);
    for (const host of hosts) setFrozen(lab, host.name, false);
    await Promise.all(hosts.filter((host) => !isOn(lab, host.name)).map((host) => powerOn(lab, host.name)));
    await Promise.all(hosts.map((host) => waitForSsh(lab, host)));
    for (const fault of healed) await heal(lab, fault);
    return healed;
  });
}

async function heal(lab: Lab, fault: ActiveFault): Promise<void> {
  const active = activeFaults(lab).filter((other) => other.id !== fault.id);
  const kind: FaultKind = kindOf(fault.kind);
  const host = lab.hosts.find((candidate) => candidate.name === fault.host);
  // The same fault twice on one host lasts as long as the longer one.
  const again = active.some(
    (other) => other.kind === fault.kind && other.host === fault.host && other.peer === fault.peer,
  );
  if (host !== undefined && !again) await kind.heal({ lab, host, active });
  save(lab, active);
}

function save(lab: Lab, active: readonly ActiveFault[]): void {
  // A lab that was removed meanwhile keeps no notes.
  if (findLab(lab.name) !== null) writeAtomic(labPaths(lab.name).faults, `${JSON.stringify(active, null, 2)}\n`);
}
