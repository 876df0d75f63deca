/** What is amiss in a cluster, one sentence each, in the order in which an operator wants to know. Pure. */
import type { AgentStatus } from "../../contract/wire/agent-status.ts";
import type { StackOutputs } from "../../contract/wire/stack-outputs.ts";
import { formatDuration } from "../terminal/duration.ts";
import type { ClusterView, HostView } from "./views.ts";

type Facts = Omit<ClusterView, "alarm" | "problems" | "warnings">;

export function findProblems(cluster: StackOutputs, view: Facts, statuses: readonly AgentStatus[]): string[] {
  return [
    ...noActiveHost(view, statuses),
    ...notHeard(view),
    ...view.hosts.flatMap((host) => (host.error === null ? [] : [host.error.message])),
    ...statuses.flatMap((status) => strayAgent(cluster, status)),
    ...view.hosts.flatMap(validatorProblems),
    ...keyProblems(statuses),
    ...lockProblems(statuses),
    ...doubtProblems(statuses),
    ...fencingProblems(statuses),
    ...statuses.flatMap(({ host, key }) => (key.placeFault === null ? [] : [`On ${host} ${key.placeFault}.`])),
    ...view.hosts.flatMap(consulProblems),
    ...noReadyStandby(view),
  ];
}

/** With several claims it is the alarm that speaks. */
function noActiveHost(view: Facts, statuses: readonly AgentStatus[]): string[] {
  if (statuses.some((status) => status.role === "active")) return [];
  const moving = statuses.find((status) => status.role === "taking" || status.role === "handing");
  if (moving === undefined) return [guarded(statuses) ?? nobodySeen(view)];
  return [
    moving.role === "taking"
      ? `No host is active yet: ${moving.host} is taking over.`
      : `No host is active now: ${moving.host} is handing the key over.`,
  ];
}

function notHeard({ active, heard }: Facts): string[] {
  return heard?.state === "not-heard" ? [`${active} is active, ${heard.because}.`] : [];
}

/** The chain has another key for the account than the hosts have; those that say the same are one problem. */
function keyProblems(statuses: readonly AgentStatus[]): string[] {
  const said = new Map<string, string[]>();
  const say = (problem: string | null, host: string) => {
    if (problem !== null) said.set(problem, [...(said.get(problem) ?? []), host]);
  };
  for (const { host, key } of statuses) {
    say(key.fault, host);
    if (key.fault === null) say(key.nextFault, host);
  }
  return [...said].map(
    ([problem, hosts]) => `${hosts.join(", ")} cannot validate: ${problem} (docs/operate/rotate-validator-key.md).`,
  );
}

/** Told for so long: an operator who looks once an hour must see it. */
const tamperingMs = 3_600_000;

/** Somebody has a Consul token and no validator key, or Consul's data was put back. */
function lockProblems(statuses: readonly AgentStatus[]): string[] {
  const seen = statuses.flatMap(({ host, lock }) => {
    const tampering = lock?.tampering ?? null;
    return tampering === null || tampering.lastAgoMs > tamperingMs ? [] : [{ host, ...tampering }];
  });
  const last = seen.toSorted((a, b) => a.lastAgoMs - b.lastAgoMs)[0];
  const others = seen.length < 2 ? "" : ` (${seen.map(({ host }) => host).join(", ")} saw signs of it)`;
  if (last !== undefined)
    return [
      `Somebody tampers with the lock in Consul, or put its data back: ${last.because}, ` +
        `seen by ${last.host} ${formatDuration(last.lastAgoMs)} ago${others} (docs/security.md#who-tampers-with-the-lock).`,
    ];
  return [
    ...otherRelease(statuses, "missing", "has no seal", "of before 0.2"),
    ...otherRelease(statuses, "newer", "is of a newer release", "newer than theirs"),
  ];
}

/** Who doubts the lock can do little with it for a minute, and must not forget it. */
function doubtProblems(statuses: readonly AgentStatus[]): string[] {
  return statuses.flatMap(({ host, role, lock }) => {
    if (lock === null) return [];
    const slow = role === "standby" ? slowly(host, lock) : [];
    if (lock.doubtFault === null) return slow;
    const unwritten = `${host} cannot write down whether it doubts the lock, which its agent would forget in a restart`;
    return [...slow, `${unwritten}: ${lock.doubtFault}. Make room in /run, and do not restart holdfastd there before.`];
  });
}

function slowly(host: string, { doubted, acksInMs, seal }: NonNullable<AgentStatus["lock"]>): string[] {
  if (acksInMs === 0) return [];
  const why = doubted
    ? "it doubts what the lock says"
    : seal === "right"
      ? "whoever held before may be heard for so long"
      : `the seal of the lock's record is ${seal}`;
  const long = acksInMs === null ? "while that is so" : `for ${formatDuration(acksInMs)} yet`;
  const where = "(docs/security.md#who-tampers-with-the-lock)";
  return [`${host} stands ready for no switchover ${long}, and may take as long to take over: ${why} ${where}.`];
}

/** A record that its readers wait the longest for, though nobody need have tampered with it. */
function otherRelease(statuses: readonly AgentStatus[], seal: string, is: string, agent: string): string[] {
  const seeing = statuses.filter(({ lock }) => lock?.seal === seal).map(({ host }) => host);
  if (seeing.length === 0) return [];
  return [
    `The lock's record ${is}, as ${seeing.join(", ")} ${seeing.length === 1 ? "sees" : "see"} it: its holder's agent is ${agent}, ` +
      "or somebody without the validator key wrote it; a failover takes a minute until then (docs/security.md#who-tampers-with-the-lock).",
  ];
}

/** Nobody takes over because of it, or nobody could. */
function fencingProblems(statuses: readonly AgentStatus[]): string[] {
  const fencings = statuses.flatMap(({ host, fencing }) => (fencing === null ? [] : [{ host, ...fencing }]));
  const stuck = fencings
    .filter(({ state }) => state === "unproven")
    .map(
      ({ host, target, because }) =>
        `${host} does not take over: ${because ?? "the old host may still run"}. Bring ${target ?? "it"} back, or mend ` +
        `its power device; if you see that it is off: holdfast fence confirm ${target ?? "HOST"} (docs/operate/fencing.md).`,
    );
  const blind = fencings.flatMap(({ host: by, devices, mode }) =>
    mode === "off" ? [] : devices.filter(({ state }) => state === null).map((device) => ({ by, mode, ...device })),
  );
  return [
    ...stuck,
    ...blind.map(
      ({ by, host, mode, because }) =>
        `${by} cannot read the power device of ${host}${mode === "required" ? `, so it could not take over from it` : ""}: ${because}.`,
    ),
  ];
}

/** Hosts with neard of which nothing is known: one that is cut off from us may well validate. */
export function silentValidators(view: Pick<ClusterView, "hosts">): string[] {
  return view.hosts.filter((host) => host.roles.includes("neard") && host.agent === null).map((host) => host.name);
}

/** Who reads that nobody validates might start a validator by hand, so it is said only where it is known. */
function nobodySeen(view: Facts): string {
  const silent = silentValidators(view);
  if (silent.length === 0) return `No host is active: nobody validates for ${view.account}.`;
  return `No host that answers is active; whether ${silent.join(" or ")} is cannot be seen from here.`;
}

/** The hosts watch the same chain: one that refuses says it for all. */
function guarded(statuses: readonly AgentStatus[]): string | null {
  const guards = statuses.flatMap((status) => (status.guard === null ? [] : [status.guard]));
  const guard = guards.find(({ state }) => state === "refusing") ?? guards[0];
  if (guard === undefined) return null;
  return `No host is active: ${guard.because}.${guard.next === null ? "" : ` ${guard.next}`}`;
}

function strayAgent(cluster: StackOutputs, status: AgentStatus): string[] {
  if (status.network === cluster.network && status.account === cluster.account) return [];
  return [
    `The agent on ${status.host} belongs to another cluster: ${status.network}, ${status.account}, ` +
      `not ${cluster.network}, ${cluster.account}.`,
  ];
}

function validatorProblems(host: HostView): string[] {
  if (host.agent === null || !host.roles.includes("neard")) return [];
  const problems: string[] = [];
  if (host.neard === null || !host.neard.running) problems.push(`neard on ${host.name} is not running.`);
  else if (!host.neard.synced) problems.push(`neard on ${host.name} is not synced.`);
  if (host.agent.role === "active" && host.key?.loaded === false)
    problems.push(`${host.name} is active, but its neard does not confirm the validator key.`);
  if (host.agent.role === "active" && host.fence !== null && !(host.fence.armed && host.fence.open))
    problems.push(`${host.name} is active, but its fence is ${host.fence.armed ? "shut" : "not armed"}.`);
  if (host.agent.role !== "active" && host.key?.available === false)
    problems.push(`The validator key on ${host.name} cannot be read.`);
  return problems;
}

function consulProblems(host: HostView): string[] {
  const consul = host.consul;
  if (consul === null) return [];
  if (!consul.reachable) return [`Consul on ${host.name} does not answer.`];
  if (consul.leader === null) return [`Consul on ${host.name} knows no leader.`];
  if (!consul.healthy) return [`Consul on ${host.name} is not healthy.`];
  if (host.roles.includes("consul") && !consul.voter) return [`Consul on ${host.name} has no vote.`];
  return [];
}

function noReadyStandby(view: Facts): string[] {
  const others = view.hosts.filter((host) => host.roles.includes("neard") && host.name !== view.active);
  if (view.active === null || others.some((host) => host.agent?.role === "standby" && host.agent.ready)) return [];
  const reasons = others.map((host) => `${host.name}: ${notReady(host)}`).join("; ");
  return [`No standby could take over if ${view.active} failed (${reasons || "there is no other neard host"}).`];
}

function notReady(host: HostView): string {
  if (host.agent === null) return host.reachable ? "its agent does not answer" : "unreachable";
  return host.agent.notReadyBecause ?? host.agent.because;
}
