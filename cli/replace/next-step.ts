/**
 * What replacing a host does next. Pure: what there is comes in, one step goes out. Nothing is remembered between two calls
 * but what the hosts themselves are, so a call that was cut short goes on from where things stand.
 *
 * Awkward cases: a machine that is new already, because an earlier call came so far: it is waited for and not replaced once
 * more. And a dead one: there is nothing to take out of service, but what its loss has left must be enough.
 */
import { type HostNow, obstaclesTo } from "../../contract/taking-away.ts";
import type { Machine } from "./machine.ts";

/** A machine that was set up in the last day is the new one: nobody means to replace it again without saying so. */
export const newForMs = 24 * 3_600_000;

export interface Situation {
  readonly host: string;
  readonly hosts: readonly HostNow[];
  /** By the host key that the stack was brought up with. */
  readonly machine: Machine;
  /** By the one that the settings have now, where that is another and the first did not fit; null: not looked for. */
  readonly withNewKey: Machine | null;
  /** What keeps the host from being called healthy, as a clause; null: nothing. */
  readonly missing: string | null;
  /** The operator has said that nobody need stand by meanwhile. */
  readonly withoutStandby: boolean;
  /** The operator means a machine that is new already. */
  readonly anew: boolean;
}

export type Step =
  | { readonly do: "refuse"; readonly reasons: readonly string[]; readonly next: string }
  /** Take it out of service. */
  | { readonly do: "drain" }
  /** The operator sets the machine up anew. `dead`: it does not answer, and nothing is left to drain. */
  | { readonly do: "await-machine"; readonly dead: boolean }
  /** Something answers that is not the machine that the settings describe. */
  | { readonly do: "set-host-key"; readonly message: string }
  /** `pulumi up`: everything is made on the new machine. */
  | { readonly do: "deploy" }
  | { readonly do: "await-healthy"; readonly missing: string }
  | { readonly do: "done" };

export function nextStep(situation: Situation): Step {
  const { machine, withNewKey } = situation;
  switch (machine.is) {
    case "bare":
      return { do: "deploy" };
    case "other-key":
      if (withNewKey === null) return { do: "set-host-key", message: machine.error.message };
      if (withNewKey.is === "other-key") return { do: "set-host-key", message: withNewKey.error.message };
      // It went away between the two looks.
      return withNewKey.is === "silent" ? { do: "await-machine", dead: true } : { do: "deploy" };
    case "drained":
      return { do: "await-machine", dead: false };
    case "silent":
      return refusal(situation) ?? { do: "await-machine", dead: true };
    case "deployed":
      if (machine.ageMs < newForMs && !situation.anew)
        return situation.missing === null ? { do: "done" } : { do: "await-healthy", missing: situation.missing };
      return refusal(situation) ?? { do: "drain" };
  }
}

function refusal({ hosts, host, withoutStandby }: Situation): Extract<Step, { do: "refuse" }> | null {
  const against = obstaclesTo(hosts, host).filter(({ is }) => is !== "last-standby" || !withoutStandby);
  if (against.length === 0) return null;
  return {
    do: "refuse",
    reasons: against.map(({ message }) => message),
    next: against.every(({ is }) => is === "last-standby")
      ? `Add a third host with neard first (docs/operate/replace-a-host.md), or say that nobody need stand by until the new machine is in sync: holdfast replace ${host} --without-standby.`
      : "Mend that first; holdfast status shows when it is.",
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
