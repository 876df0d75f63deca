/**
 * Whether one host can be taken away now, for as long as its machine is replaced or switched off, and what would be lost by it. Pure:
 * what every host's agent says comes in. The host itself asks again, under the maintenance lock, before it lets go.
 *
 * Two things must stay: a majority of Consul's servers, or nobody renews a lease; and somebody who validates, or could.
 * Awkward cases: a host that does not answer is no standby, and its loss costs nothing more; but one that others see hold the
 * lock lives, whatever we see of it, and where nobody can say who holds it, it may. Only that its power is off is as good as
 * another host's word. And a server that does not answer may still have a vote, so it counts as one that is missing.
 */

import { majority } from "./quorum.ts";
import type { HostRole } from "./topology.ts";
import type { AgentStatus } from "./wire/agent-status.ts";

/** One host as it is now. */
export interface HostNow {
  readonly name: string;
  readonly roles: readonly HostRole[];
  /** What its agent says; null: nothing. */
  readonly status: AgentStatus | null;
  /** Its power was read as off: it holds nothing any more. Absent: nobody has read it. */
  readonly isOff?: boolean;
}

export interface Obstacle {
  /**
   *   unclear       what the hosts say is in motion, or contradicts itself
   *   alive         it gives no answer, and the others see it hold the lock
   *   unproven      it gives no answer, and no other host can say who holds the lock
   *   quorum        Consul would have no majority
   *   no-successor  nobody would validate
   *   last-standby  somebody would, and nobody would stand by
   */
  readonly is: "unclear" | "alive" | "unproven" | "quorum" | "no-successor" | "last-standby";
  /** One sentence without its full stop. */
  readonly message: string;
}

/** What is against taking `name` away, all of it, the worst first; empty: nothing is. */
export function obstaclesTo(hosts: readonly HostNow[], name: string): Obstacle[] {
  const host = hosts.find((one) => one.name === name);
  if (host === undefined) throw new TypeError(`there is no host ${name}`);
  const others = hosts.filter((one) => one !== host);
  return [
    ...unclear(hosts),
    ...stillAlive(host, others),
    ...quorumObstacles(host, others),
    ...neardObstacles(host, others),
  ];
}

/** Of them, those that end only when another host answers. Where that one is gone for good too, they never do. */
const waitsForOthers: ReadonlySet<Obstacle["is"]> = new Set(["quorum", "unproven"]);

/**
 * The way out for a host that gives no answer, where what is against taking it away may never end by itself. Sentences.
 * @param isAtCloud Pulumi makes its server
 * @returns empty: there is nothing to say
 */
export function whenDeadForGood(
  against: readonly Obstacle[],
  { name, status }: Pick<HostNow, "name" | "status">,
  isAtCloud: boolean,
): string {
  if (status !== null || !against.some(({ is }) => waitsForOthers.has(is))) return "";
  const proof = isAtCloud
    ? `If ${name} is dead for good, delete its server in the provider's console, so that it holds nothing any more, and run pulumi up --refresh, which makes another one. `
    : "";
  return `${proof}If most of Consul's servers are gone for good: docs/operate/replace-a-host.md, "Most Consul servers are gone for good".`;
}

/** In which order hosts may be switched off, one after the other: those that validate for nobody first, the active one last. */
export function orderOfTakingAway(hosts: readonly HostNow[]): string[] {
  const weight = ({ roles, status }: HostNow) => {
    if (!roles.includes("neard")) return 0;
    if (status !== null && isHolder(status)) return 3;
    return status?.ready === true ? 2 : 1;
  };
  return hosts.toSorted((a, b) => weight(a) - weight(b) || (a.name < b.name ? -1 : 1)).map(({ name }) => name);
}

/** Has the key, is about to have it, or is giving it away. */
export const isHolder = ({ role }: Pick<AgentStatus, "role">): boolean =>
  role === "active" || role === "taking" || role === "handing";

const named = (hosts: readonly { readonly name: string }[]) => hosts.map(({ name }) => name).join(", ");

function unclear(hosts: readonly HostNow[]): Obstacle[] {
  const claims = hosts.filter(({ status }) => status?.role === "active");
  if (claims.length > 1)
    return [{ is: "unclear", message: `${named(claims)} say that they are active, and only one of them can be` }];
  const moving = hosts.find(({ status }) => status !== null && ["taking", "handing"].includes(status.role));
  return moving === undefined
    ? []
    : [{ is: "unclear", message: `the key is moving (${moving.name} is ${moving.status?.role})` }];
}

function stillAlive(host: HostNow, others: readonly HostNow[]): Obstacle[] {
  if (host.status !== null || host.isOff === true || !host.roles.includes("neard")) return [];
  if (!others.some(knowsHolder))
    return [
      {
        is: "unproven",
        message: `${host.name} gives no answer, and no other host can say who holds the lock: it may live and validate`,
      },
    ];
  const seers = others.filter(({ status }) => status?.holder === host.name);
  if (seers.length === 0) return [];
  return [
    {
      is: "alive",
      message: `${host.name} gives no answer here, but holds the lock, as ${named(seers)} ${seers.length === 1 ? "sees" : "see"} it: it lives and may validate, or died less than half a minute ago`,
    },
  ];
}

/** What it last saw of the lock is what Consul has. An agent that has just begun, or whose Consul is cut off, cannot say. */
function knowsHolder({ status }: HostNow): boolean {
  if (status === null || status.role === "starting") return false;
  const { consul, role, epoch } = status;
  return consul.reachable && consul.leader !== null && (role !== "arbiter" || epoch !== null);
}

function quorumObstacles(host: HostNow, others: readonly HostNow[]): Obstacle[] {
  if (!host.roles.includes("consul")) return [];
  const servers = others.filter(({ roles }) => roles.includes("consul"));
  const faults = servers.flatMap((server) => serverFault(server) ?? []);
  // Who says itself that it has no vote is none of those of whom a majority is needed.
  const voteless = servers.filter(isVoteless);
  const voters = servers.length - voteless.length + (isVoteless(host) ? 0 : 1);
  const good = servers.length - faults.length;
  if (good >= majority(voters)) return [];
  const because = faults.length === 0 ? "" : ` (${faults.join(", ")})`;
  const message = `Consul would have no majority without ${host.name}: ${good} of ${voters} servers would be left, and it takes ${majority(voters)}${because}`;
  return [{ is: "quorum", message }];
}

const isVoteless = ({ status }: HostNow): boolean => status?.consul.reachable === true && !status.consul.voter;

/** Why a server cannot be counted on, as a clause; null: it can. */
function serverFault({ name, status }: HostNow): string | null {
  if (status === null) return `${name} gives no answer`;
  const { reachable, leader, voter, healthy } = status.consul;
  if (!reachable) return `Consul on ${name} does not answer`;
  if (leader === null) return `Consul on ${name} knows no leader`;
  if (!voter) return `Consul on ${name} has no vote`;
  return healthy ? null : `Consul on ${name} is not healthy`;
}

function neardObstacles(host: HostNow, others: readonly HostNow[]): Obstacle[] {
  const { name, status } = host;
  // One that is silent, or not ready, could not take over as it is.
  if (!host.roles.includes("neard") || status === null || !(isHolder(status) || isReady(host))) return [];
  const ready = others.filter(isReady);
  const reasons = others
    .filter(({ roles }) => roles.includes("neard"))
    .map((other) => `${other.name}: ${whyNotReady(other)}`);
  const because = ` (${reasons.join("; ") || "there is no other host with neard"})`;
  if (isHolder(status)) {
    if (ready.length === 0)
      return [
        {
          is: "no-successor",
          message: `${name} is ${status.role}, and no standby is ready to take over from it${because}`,
        },
      ];
    if (ready.length > 1) return [];
    return [
      {
        is: "last-standby",
        message: `${named(ready)} would take over from ${name}, and no host would stand by for ${named(ready)}`,
      },
    ];
  }
  if (ready.length > 0) return [];
  const active = others.find((other) => other.status !== null && isHolder(other.status));
  if (active === undefined)
    return [
      {
        is: "no-successor",
        message: `no host that answers is active, and ${name} is the only one that could be${because}`,
      },
    ];
  return [
    {
      is: "last-standby",
      message: `${name} is the only standby that is ready: without it no host could take over from ${active.name}`,
    },
  ];
}

const isReady = ({ status }: HostNow): boolean => status?.role === "standby" && status.ready;

function whyNotReady({ status }: HostNow): string {
  if (status === null) return "its agent does not answer";
  return status.role === "standby" ? (status.notReadyBecause ?? "it is not ready") : `it is ${status.role}`;
}
