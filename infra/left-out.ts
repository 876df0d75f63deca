/**
 * Hosts that one run leaves as they are, for they cannot be reached: what is to be changed on the others need not wait until
 * they are back. The next run without them being named brings them to where the others are.
 *
 * Idea: their commands stay in the state with the inputs that they have, so nothing runs there, and what depends on them goes
 * on. What the cluster can do without is asked by each apply on the others as ever: no quorum, nor standby, is counted here.
 * Not promised: that a host which was never deployed can be left out; its commands are in no state yet, and run.
 */
import type * as pulumi from "@pulumi/pulumi";
import { withoutVariable } from "../contract/cloud.ts";
import { configFault, FaultsError } from "./config/faults.ts";
import { hasRole, type Topology } from "./config/topology.ts";

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

const inputs = ["connection", "create", "delete", "stdin", "logging", "addPreviousOutputInEnv"];
const ofCopies = ["source", "remotePath", "triggers"];

/** For a command or a copy of a host that is left out. */
export function asItIs<Options extends pulumi.CustomResourceOptions>(isLeftOut: boolean, options: Options): Options {
  return isLeftOut ? { ...options, ignoreChanges: [...inputs, ...ofCopies] } : options;
}
