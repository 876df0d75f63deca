/**
 * Servers whose type in the settings is another than the one that they have: the provider cuts their power for the change, without a
 * shutdown, and of several in one run together. So one in one run, and not the active one. And servers that are replaced: the same,
 * and the cluster must be able to do without them. Pure.
 */
import { replaceVariable } from "../../contract/cloud.ts";
import {
  type HostNow,
  isHolder,
  type Obstacle,
  obstaclesTo,
  orderOfTakingAway,
  whenDeadForGood,
} from "../../contract/taking-away.ts";
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

/** Hosts that may be replaced in this run, and to which something was deployed: with the others nothing is lost. */
export interface Replaced {
  /** Their servers are there, and go. */
  readonly there: readonly string[];
  /** The state has lost servers and addresses of these: nothing is taken away, but what it has lost may live. */
  readonly lost: readonly string[];
}

/**
 * Of servers that may be replaced in this run: their power is cut too, by the plain run that forgets to name them to Pulumi as well.
 * What `holdfast replace` asks before it takes a host out of service is asked here of whoever does it by hand; one that is out of
 * service has passed it.
 * @param hosts all of the cluster, as they are now; none where nobody can be asked
 */
export function replaceFaults(
  { there, lost }: Replaced,
  changes: readonly TypeChange[],
  hosts: readonly HostNow[],
): Fault[] {
  const all = [...there, ...lost];
  const beside = changes.filter(({ host }) => !all.includes(host));
  const going = hosts.filter(({ name }) => all.includes(name));
  const held = going.filter(({ status }) => status !== null && isHolder(status));
  return [
    ...(there.length > 0 && all.length > 1
      ? [
          configFault(
            `${all.join(" and ")} are to be replaced in one run`,
            "Replace one after the other: holdfast replace HOST.",
          ),
        ]
      : []),
    ...(all.length > 0 && beside.length > 0
      ? [
          configFault(
            `holdfast:hosts: the server type of ${beside.map(({ host }) => host).join(", ")} changes in the run that replaces ${all.join(", ")}, and all of them would lose power together`,
            "Take serverType back, replace the one machine, and change the type with a pulumi up of its own.",
          ),
        ]
      : []),
    ...held.map(
      ({ name }): Fault => ({
        code: "HF_REFUSED",
        message: `${name} is to be replaced, and it is active`,
        next: `Use holdfast replace ${name}, which gives the key away first; or holdfast switchover, and then this again.`,
      }),
    ),
    ...going
      .filter((host) => !held.includes(host))
      .flatMap((host) => missedFaults(host, hosts, lost.includes(host.name))),
  ];
}

/** Counts against one whose making takes nothing away: that the old one lives, or may. */
const countsOfLost = ({ is }: Obstacle) => is === "alive" || is === "unproven" || is === "unclear";

function missedFaults(host: HostNow, hosts: readonly HostNow[], isLost: boolean): Fault[] {
  const { name } = host;
  const against = obstaclesTo(hosts, name).filter((obstacle) => !isLost || countsOfLost(obstacle));
  if (against.length === 0) return [];
  // Of a lost one no server is known that could be deleted.
  const dead = whenDeadForGood(against, host, !isLost);
  return [
    {
      code: "HF_REFUSED",
      message: `${name} is to be replaced, and not now: ${against.map(({ message }) => message).join("; and ")}`,
      next: against.every(({ is }) => is === "last-standby")
        ? `Use holdfast replace ${name} --without-standby, if nobody need stand by meanwhile: it takes the host out of service first.`
        : `Mend that first; holdfast status shows when it is. Or unset ${replaceVariable}.${dead === "" ? "" : ` ${dead}`}`,
    },
  ];
}

const words = ({ host, from, to }: TypeChange) => `a new server type for ${host} (${from} → ${to})`;

function tooMany(changes: readonly TypeChange[], hosts: readonly HostNow[]): Fault {
  const list = changes.map(({ host, from, to }) => `${host} (${from} → ${to})`).join(", ");
  // Where no host could be asked, as in a preview, nobody knows which one is active.
  const among = hosts.filter(({ name }) => changes.some(({ host }) => host === name));
  const order =
    among.length === 0 ? "the active one last" : `in this order: ${orderOfTakingAway(among).join(", then ")}`;
  return configFault(
    `holdfast:hosts: the server types of ${list} change, and one run would cut the power of all of them together`,
    `Change one after the other, each with a pulumi up of its own, ${order}; look at holdfast status in between.`,
  );
}

function active(change: TypeChange): Fault {
  return {
    code: "HF_REFUSED",
    message: `${words(change)} cuts its power, and it is active`,
    next: "Give the key away first (holdfast switchover), then run pulumi up again.",
  };
}
