/**
 * What replacing a host does next. Pure: what there is comes in, one step goes out. Nothing is remembered between two calls
 * but what the hosts themselves are, so a call that was cut short goes on from where things stand.
 *
 * Awkward cases: a machine that is new already, because an earlier call came so far: it is waited for and not replaced once
 * more, also where a new one was meant. A dead one: there is nothing to take out of service, but what its loss has left must
 * be enough, and another host must know that it holds nothing. And one that answers without letting us in: it lives.
 */
import { type HostNow, obstaclesTo, whenDeadForGood } from "../../contract/taking-away.ts";
import type { Machine } from "./machine.ts";

/** A machine that was set up in the last day is the new one: nobody means to replace it again without saying so. */
export const newForMs = 24 * 3_600_000;
/** A server that was made so lately boots: whatever the operator says, an earlier call of his has made it. */
export const bootsForMs = 15 * 60_000;

/** What one call of the command is about, and what it has done so far. */
export interface Replacement {
  readonly host: string;
  /** Somebody can be asked, and did not say yes to all beforehand. */
  readonly asks: boolean;
  readonly withoutStandby: boolean;
  /** Holds for one time only: the machine that comes of it is not meant. */
  anew: boolean;
  /** On the monotonic clock. */
  readonly giveUpMs: number;
  readonly did: ("drained" | "machine-made" | "deployed")[];
}

export interface Situation {
  readonly host: string;
  readonly hosts: readonly HostNow[];
  /** Pulumi makes its machine; null: the operator does. */
  readonly cloud: CloudServer | "absent" | "unknown" | null;
  /** By the host key that the stack was brought up with. */
  readonly machine: Machine;
  /** By the one that the settings have now, where that is another and the first did not fit; null: not looked for. */
  readonly withNewKey: Machine | null;
  /** What keeps the host from being called healthy, as a clause; null: nothing. */
  readonly missing: string | null;
  /** The operator has said that nobody need stand by meanwhile. */
  readonly withoutStandby: boolean;
  /** The operator means a machine that is new already, and as it should be. */
  readonly anew: boolean;
}

/** The server of a host at a cloud, as the provider has it. */
export interface CloudServer {
  /** The provider's own word. */
  readonly status: string;
  readonly ageMs: number;
}

export type Step =
  | { readonly do: "refuse"; readonly reasons: readonly string[]; readonly next: string }
  /** Take it out of service. */
  | { readonly do: "drain" }
  /** The operator sets the machine up anew. `dead`: it does not answer, and nothing is left to drain. */
  | { readonly do: "await-machine"; readonly dead: boolean }
  /** Something answers that is not the machine that the settings describe. */
  | { readonly do: "set-host-key"; readonly message: string }
  /** The provider deletes the old server and makes a new one, then as `deploy`. `dead`: see above. */
  | { readonly do: "make-machine"; readonly dead: boolean }
  /** `pulumi up`: everything is made on the new machine. `refresh`: the state may have a server that is not there. */
  | { readonly do: "deploy"; readonly refresh: boolean }
  | { readonly do: "await-healthy"; readonly missing: string }
  | { readonly do: "done" };

const deploy: Step = { do: "deploy", refresh: false };

export function nextStep(situation: Situation): Step {
  const { machine, withNewKey, cloud } = situation;
  switch (machine.is) {
    case "bare":
      return deploy;
    case "other-key":
      // Its key is of the stack's own making, and every machine of its gets it.
      if (cloud !== null)
        return { do: "refuse", reasons: [machine.error.message.replace(/\.$/, "")], next: strangersNext };
      if (withNewKey === null) return { do: "set-host-key", message: machine.error.message };
      if (withNewKey.is === "other-key") return { do: "set-host-key", message: withNewKey.error.message };
      // It went away between the two looks.
      return withNewKey.is === "silent" ? { do: "await-machine", dead: true } : deploy;
    case "drained":
      return cloud === null ? { do: "await-machine", dead: false } : { do: "make-machine", dead: false };
    case "silent":
      if (cloud === null) return refusal(situation) ?? { do: "await-machine", dead: true };
      return silentServer(situation, cloud);
    case "shut-out":
      // One that boots has not got our key yet; one that is off answers no more.
      if (cloud !== null && cloud !== "unknown" && cloud !== "absent" && (isBooting(cloud) || cloud.status === "off"))
        return silentServer(situation, cloud);
      return {
        do: "refuse",
        reasons: [machine.error.message.replace(/\.$/, "")],
        next: shutOutNext(machine.error.next),
      };
    case "deployed":
      if (machine.ageMs < newForMs && !machine.isDraining) {
        // One that is new and not as it should be yet is what an earlier call has made, whatever was said in this one.
        if (situation.missing !== null) return { do: "await-healthy", missing: situation.missing };
        if (!situation.anew) return { do: "done" };
      }
      return refusal(situation) ?? { do: "drain" };
  }
}

/** One that was made a moment ago need not answer yet; the apply waits for it. */
function silentServer(situation: Situation, cloud: CloudServer | "absent" | "unknown"): Step {
  if (cloud === "absent") return { do: "deploy", refresh: true };
  if (cloud !== "unknown" && isBooting(cloud)) return deploy;
  if (cloud !== "unknown" && cloud.status !== "off" && cloud.ageMs < newForMs && !situation.anew) return deploy;
  return refusal(situation) ?? { do: "make-machine", dead: true };
}

const isBooting = ({ ageMs }: CloudServer) => ageMs < bootsForMs;

const shutOutNext = (next: string | undefined) =>
  `It may live and validate, and nobody can see what it does. ${next ?? "Mend the way in."} If that cannot be mended, switch the machine off, and call it again.`;

const strangersNext =
  "Somebody else answers there, or its host key was changed by hand: look at the server in the provider's console. Of one that was adopted, and whose replacement was cut off: pulumi up.";

function refusal({ hosts, host, cloud, withoutStandby }: Situation): Extract<Step, { do: "refuse" }> | null {
  const isOff = typeof cloud === "object" && cloud?.status === "off";
  const now = hosts.map((one) => (one.name === host ? { ...one, isOff } : one));
  const against = obstaclesTo(now, host).filter(({ is }) => is !== "last-standby" || !withoutStandby);
  if (against.length === 0) return null;
  const own = now.find(({ name }) => name === host);
  const dead = own === undefined ? "" : whenDeadForGood(against, own, cloud !== null);
  return {
    do: "refuse",
    reasons: against.map(({ message }) => message),
    next: against.every(({ is }) => is === "last-standby")
      ? `Add a third host with neard first (docs/operate/replace-a-host.md), or say that nobody need stand by until the new machine is in sync: holdfast replace ${host} --without-standby.`
      : `Mend that first; holdfast status shows when it is.${dead === "" ? "" : ` ${dead}`}`,
  };
}

/** What keeps a host from being as it was before. Pure. @returns a clause; null: nothing */
export function missingOn({ name, roles, status }: HostNow): string | null {
  if (status === null) return `the agent on ${name} gives no answer yet`;
  const { consul, neard, role, ready, notReadyBecause } = status;
  if (!consul.reachable) return `Consul on ${name} does not answer yet`;
  if (roles.includes("consul") && !consul.voter) return `Consul on ${name} has no vote yet`;
  if (!consul.healthy) return `Consul on ${name} is not caught up yet`;
  if (!roles.includes("neard")) return null;
  if (neard?.running !== true) return `neard on ${name} does not run yet`;
  if (!neard.synced)
    return `neard on ${name} is not in sync yet${neard.height === null ? "" : ` (height ${neard.height})`}`;
  if (role === "active" || (role === "standby" && ready)) return null;
  return `${name} is ${role}, and could not take over yet${notReadyBecause === null ? "" : `: ${notReadyBecause}`}`;
}
