/**
 * Hosts that one run leaves as they are, for they cannot be reached: what is to be changed on the others need not wait until
 * they are back. The next run without them being named brings them to where the others are.
 *
 * Idea: their commands stay in the state with the inputs that they have, so nothing runs there, and what depends on them goes
 * on. What the cluster can do without is asked by each apply on the others as ever: no quorum, nor standby, is counted here.
 * Awkward case: a command that is in no state yet would run, and one that is not wanted any more would be taken back on the host. Then
 * the run ends before anything is changed: `unreachableFaults`.
 */
import type * as pulumi from "@pulumi/pulumi";
import { replaceVariable, withoutVariable } from "../contract/cloud.ts";
import { configFault, type Fault, FaultsError } from "./config/faults.ts";
import { hasRole, isAtCloud, type Topology } from "./config/topology.ts";
import type { HostPlan, Plan } from "./plan/deployment.ts";
import { typeInState } from "./preflight/cloud-offers.ts";
import { type CloudState, isReady } from "./preflight/cloud-state.ts";

/** @throws FaultsError for names that are no hosts', and where nobody would be left to set Consul's ACLs */
export function leftOutHosts(
  { hosts, adopt }: Pick<Topology, "hosts" | "adopt">,
  env: Readonly<Record<string, string | undefined>> = process.env,
): ReadonlySet<string> {
  const names = new Set((env[withoutVariable] ?? "").split(/[\s,]+/).filter(Boolean));
  if (names.size === 0) return names;
  const refuse = (why: string, next: string) =>
    new FaultsError("the environment", [configFault(`${withoutVariable} ${why}`, next)]);
  const known = hosts.map(({ name }) => name);
  const strange = [...names].filter((name) => !known.includes(name));
  if (strange.length > 0)
    throw refuse(
      `is ${JSON.stringify(strange.join(", ").slice(0, 60))}, which is no host of this stack`,
      `Name one or more of ${known.join(", ")}, or unset it.`,
    );
  if (hosts.filter(hasRole("consul")).every(({ name }) => names.has(name)))
    throw refuse("leaves no Consul server", "Bring one of them back first.");
  if (adopt !== null) throw refuse("is set while the stack adopts its hosts", "Adopt them all first.");
  return names;
}

/** Against leaving out hosts that Pulumi makes at a cloud: what it makes of them is not left out, and a new server would stay empty. */
export function leftOutFaults(
  { hosts }: Pick<Topology, "hosts">,
  state: CloudState,
  leftOut: ReadonlySet<string>,
  replaceable: ReadonlySet<string>,
): Fault[] {
  const left = hosts.filter(isAtCloud).filter(({ name }) => leftOut.has(name));
  return left.flatMap(({ name, cloud: { serverType } }) => {
    const type = typeInState(state, name);
    const at = `${withoutVariable} names ${name}`;
    if (replaceable.has(name))
      return [
        configFault(`${at}, and ${replaceVariable} too`, "A host is left as it is, or replaced: unset one of them."),
      ];
    if (!isReady(state, name))
      return [
        configFault(
          `${at}, but nothing was deployed to its server yet`,
          `Unset it: this run goes on with ${name}, too.`,
        ),
      ];
    if (type === undefined || type === serverType) return [];
    return [
      configFault(
        `${at}, whose server would become ${serverType}, and is ${type}`,
        "Take serverType back, and change it when the host is there.",
      ),
    ];
  });
}

/** What runs on a host when it comes into the state, by its name there. Exported for its test alone. */
export function commandsOn({ host: { name }, runtime, uploads, neard }: Omit<HostPlan, "system" | "consul" | "agent">) {
  const copies = [runtime.node, runtime.holdfastd, ...uploads].map((artifact) => artifact.name);
  return [
    ...["prepare", ...copies].map((what) => `${name}-runtime-${what}`),
    ...["system", "consul", ...(neard === undefined ? [] : ["neard"]), "agent"].map((concern) => `${name}-${concern}`),
  ];
}

/**
 * Against leaving out hosts on which something would run all the same.
 * @param onHosts names of what the stack's state has of commands and copies
 */
export function unreachableFaults(
  { hosts, topology }: Pick<Plan, "hosts" | "topology">,
  leftOut: ReadonlySet<string>,
  onHosts: ReadonlySet<string>,
): Fault[] {
  if (leftOut.size === 0) return [];
  const known = new Set([...topology.hosts.map(({ name }) => name), ...topology.gone]);
  const token = "-token";
  const leaving = [...onHosts]
    .filter((command) => command.endsWith(token))
    .map((command) => command.slice(0, -token.length))
    .filter((name) => !known.has(name));
  return [
    ...hosts.filter(({ host }) => leftOut.has(host.name)).flatMap((host) => changesOn(host, onHosts)),
    ...leaving.map((name) =>
      configFault(
        `${name} leaves, and its token may be one that ${[...leftOut].join(" or ")}, which ${withoutVariable} names, has to take back`,
        `Let ${name} leave in a run that leaves nobody out.`,
      ),
    ),
  ];
}

function changesOn(plan: HostPlan, onHosts: ReadonlySet<string>): Fault[] {
  const { name } = plan.host;
  const at = `${withoutVariable} names ${name}`;
  const wanted = commandsOn(plan);
  const missing = wanted.filter((command) => !onHosts.has(command));
  if (missing.length === wanted.length)
    return [configFault(`${at}, to which nothing was deployed yet`, `Take ${name} out of holdfast:hosts meanwhile.`)];
  return [
    ...(missing.length === 0
      ? []
      : [
          configFault(
            `${at}, but it would be given something for the first time: ${missing.join(", ")}`,
            `Bring ${name} back first, or take back what is new on it: a role, neard.genesis, or this release of holdfast. If its machine is lost: holdfast:gone.`,
          ),
        ]),
    ...(plan.neard === undefined && onHosts.has(`${name}-neard`)
      ? [configFault(`${at}, but its neard would be taken away`, `Give it the role neard back until ${name} is there.`)]
      : []),
  ];
}

/** All inputs that our commands on hosts have: a command that ignores their changes stays as the state has it. */
export const commandInputs = ["connection", "create", "delete", "stdin", "logging", "addPreviousOutputInEnv"];
const ofCopies = ["source", "remotePath", "triggers"];

/** For a command or a copy of a host that is left out. */
export function asItIs<Options extends pulumi.CustomResourceOptions>(isLeftOut: boolean, options: Options): Options {
  return isLeftOut ? { ...options, ignoreChanges: [...commandInputs, ...ofCopies] } : options;
}
