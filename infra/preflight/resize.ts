/**
 * Servers whose type in the settings is another than the one that they have: the provider cuts their power for the change, without a
 * shutdown, and of several in one run together. So one in one run, and not the active one. Pure.
 */
import { type HostNow, isHolder, obstaclesTo, orderOfTakingAway } from "../../contract/taking-away.ts";
import { configFault, type Fault } from "../config/faults.ts";

/** A server that is to become another type. */
export interface TypeChange {
  readonly host: string;
  readonly from: string;
  readonly to: string;
}

/** @param hosts all of the cluster, as they are now */
export function resizeFaults(changes: readonly TypeChange[], hosts: readonly HostNow[]): Fault[] {
  if (changes.length > 1) return [tooMany(changes, hosts)];
  return changes.flatMap((change) => {
    const now = hosts.find(({ name }) => name === change.host);
    if (now === undefined) return [];
    if (now.status !== null && isHolder(now.status)) return [active(change)];
    // It is away for a minute or two: for so long nobody need stand by.
    const against = obstaclesTo(hosts, change.host).filter(({ is }) => is !== "last-standby");
    if (against.length === 0) return [];
    return [
      {
        code: "HF_REFUSED",
        message: `${words(change)} cuts its power, and not now: ${against.map(({ message }) => message).join("; and ")}`,
        next: "Mend that first; holdfast status shows when it is. Or take serverType back.",
      } satisfies Fault,
    ];
  });
}

const words = ({ host, from, to }: TypeChange) => `a new server type for ${host} (${from} → ${to})`;

function tooMany(changes: readonly TypeChange[], hosts: readonly HostNow[]): Fault {
  const list = changes.map(({ host, from, to }) => `${host} (${from} → ${to})`).join(", ");
  const order = orderOfTakingAway(hosts.filter(({ name }) => changes.some(({ host }) => host === name)));
  return configFault(
    `holdfast:hosts: the server types of ${list} change, and one run would cut the power of all of them together`,
    `Change one after the other, each with a pulumi up of its own: ${order.join(", then ")}, and look at holdfast status in between.`,
  );
}

function active(change: TypeChange): Fault {
  return {
    code: "HF_REFUSED",
    message: `${words(change)} cuts its power, and it is active`,
    next: "Give the key away first (holdfast switchover), then run pulumi up again.",
  };
}
