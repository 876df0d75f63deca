/**
 * Two versions of a stack's settings → what bringing the hosts from one to the other would do: on which host, in which
 * order, what restarts, whether the key moves. Pure; what it cannot know (which host is active, whether hosts are as they
 * were deployed) it does not guess.
 */
import { type Host, isAtCloud } from "../config/topology.ts";
import { concernChanges, type HostChange, isPoweredOff, specsOf } from "./host-changes.ts";
import { machineChanges } from "./machine-changes.ts";
import { type Risk, risksOf } from "./risks.ts";
import { type SettingChange, settingChanges } from "./settings-changes.ts";
import type { Side } from "./side.ts";

/** One stretch of an update: its hosts, and whether one waits for the other. */
export interface Phase {
  readonly title: string;
  readonly hosts: readonly string[];
  readonly oneByOne: boolean;
}

/** What happens to the validator key: `maybe` depends on which host is active. */
export interface KeyMove {
  readonly moves: "no" | "maybe" | "yes";
  readonly because: string;
}

export interface Comparison {
  readonly network: string;
  readonly account: string;
  readonly settings: readonly SettingChange[];
  readonly hosts: readonly HostChange[];
  readonly order: readonly Phase[];
  readonly key: KeyMove;
  readonly risks: readonly Risk[];
}

/** @param base null: there is nothing to compare with, so every host is a new one */
export function compare(base: Side | null, head: Side): Comparison {
  const hosts = hostChanges(base, head);
  const key = keyMove(hosts, base);
  return {
    network: head.topology.network,
    account: head.topology.account,
    settings: settingChanges(base?.file ?? null, head.file),
    hosts,
    order: orderOf(hosts, head),
    key,
    risks: risksOf(base, head, hosts),
  };
}

/** Nothing would be done to any host. */
export const isSame = ({ hosts }: Comparison): boolean => hosts.every(({ state }) => state === "same");

function hostChanges(base: Side | null, head: Side): HostChange[] {
  const before = new Map((base?.plan.hosts ?? []).map((plan) => [plan.host.name, plan]));
  const secrets = { before: base?.secrets ?? {}, after: head.secrets };
  const staying = head.plan.hosts.map((plan): HostChange => {
    const was = before.get(plan.host.name);
    const isReplaced =
      was !== undefined &&
      !isAdoptedFrom(was.host, plan.host) &&
      (was.host.ssh.hostKey !== plan.host.ssh.hostKey || isAtCloud(was.host) !== isAtCloud(plan.host));
    const known = base === null || was === undefined || isReplaced ? new Map() : specsOf(base, was);
    const concerns = concernChanges(known, specsOf(head, plan), secrets);
    const runtime = was === undefined || isReplaced || JSON.stringify(was.runtime) !== JSON.stringify(plan.runtime);
    const machine = was === undefined || isReplaced ? [] : machineChanges(was.host, plan.host);
    // Another way to log in makes Pulumi run every command again, which then finds nothing to do.
    const isSame =
      concerns.length === 0 &&
      machine.length === 0 &&
      !runtime &&
      JSON.stringify(was?.host.ssh) === JSON.stringify(plan.host.ssh);
    const state = was === undefined ? "new" : isReplaced ? "replaced" : isSame ? "same" : "changes";
    return { ...placeOf(plan.host), state, machine, runtime, concerns };
  });
  const stays = new Set(head.plan.hosts.map(({ host }) => host.name));
  const leaving = [...before.values()].filter(({ host }) => !stays.has(host.name));
  return [
    ...staying,
    ...leaving.map(({ host }): HostChange => {
      const state = head.topology.gone.includes(host.name) ? "gone" : "leaves";
      return { ...placeOf(host), state, machine: [], runtime: false, concerns: [] };
    }),
  ];
}

/** A server that existed and is managed now: its own host key says that it is the same machine. */
const isAdoptedFrom = (was: Host, is: Host) =>
  !isAtCloud(was) && is.cloud?.adopt != null && is.cloud.adopt.hostKey === was.ssh.hostKey;

const placeOf = ({ name, roles, address, zone }: Host) => ({ name, roles, address, zone });

const disturbs = (host: HostChange, what: "consul" | "neard") =>
  host.concerns.some((concern) => concern.disturbs.includes(what));

function keyMove(hosts: readonly HostChange[], base: Side | null): KeyMove {
  const validated = hosts.filter(
    (host) => base?.plan.hosts.find((plan) => plan.host.name === host.name)?.neard !== undefined,
  );
  if (validated.length === 0) return { moves: "no", because: "no host has it yet" };
  const moved = validated.filter((host) => why(host) !== null);
  if (moved.length === 0)
    return { moves: "no", because: "no host that may be active is disturbed; agents restart without it" };
  const names = moved.map((host) => `${host.name} ${why(host)}`).join("; ");
  if (moved.length < validated.length)
    return { moves: "maybe", because: `only if the active host is among these: ${names}` };
  return { moves: "yes", because: `whichever host is active: ${names}` };
}

/** Why a host that is active would not stay so. */
function why(host: HostChange): string | null {
  if (host.state === "leaves") return "leaves, and hands over first";
  if (host.state === "gone") return "is gone";
  if (host.state === "replaced") return "is another machine";
  if (!host.roles.includes("neard")) return "has no neard any more";
  if (isPoweredOff(host)) return "is powered off to become another type";
  const [neard, consul] = [disturbs(host, "neard"), disturbs(host, "consul")];
  if (neard || consul) return `restarts ${[neard ? "neard" : [], consul ? "Consul" : []].flat().join(" and ")}`;
  return null;
}

/** As infra/components/cluster.ts has it. */
function orderOf(hosts: readonly HostChange[], head: Side): Phase[] {
  const has = (concern: string) => (host: HostChange) => host.concerns.some((one) => one.concern === concern);
  const phase = (title: string, among: readonly HostChange[], oneByOne: boolean): Phase[] =>
    among.length === 0 ? [] : [{ title, hosts: among.map(({ name }) => name), oneByOne }];
  const split = (concern: "consul" | "neard", title: string, kept: string): Phase[] => {
    const all = hosts.filter(has(concern));
    return [
      ...phase(
        kept,
        all.filter((host) => !disturbs(host, concern)),
        false,
      ),
      ...phase(
        title,
        all.filter((host) => disturbs(host, concern)),
        true,
      ),
    ];
  };
  const [arbiters = [], validators = []] = head.plan.agentWaves.map((wave) =>
    hosts.filter(({ name }) => wave.includes(name)).filter(has("agent")),
  );
  return [
    ...phase("the server is powered off, becomes another type, and starts again", hosts.filter(isPoweredOff), true),
    ...phase(
      "programs are copied and put in place",
      hosts.filter(({ runtime }) => runtime),
      false,
    ),
    ...phase("system: users, directories, firewall, kernel settings", hosts.filter(has("system")), false),
    ...split(
      "consul",
      "Consul restarts, its leader after the others, the active host last, after a switchover",
      "Consul, without a restart",
    ),
    ...phase("Consul's policies and tokens", hosts.filter(has("acl")), false),
    ...split("neard", "neard restarts, the active host last, after a switchover", "neard, without a restart"),
    ...phase("the agents of arbiters", arbiters, true),
    ...phase("the agents of the others, the active host last; no key moves", validators, true),
    ...phase(
      "leave the cluster and are cleaned up",
      hosts.filter(({ state }) => state === "leaves"),
      true,
    ),
    ...phase(
      "leave the state; nothing is sent to them",
      hosts.filter(({ state }) => state === "gone"),
      false,
    ),
  ];
}
