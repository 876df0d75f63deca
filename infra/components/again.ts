/**
 * Makes `pulumi up` do over what a host has lost. A command runs again only when its inputs change, and
 * Pulumi does not look at hosts: a file changed by hand, or an apply that failed before its setting was
 * taken back, would stay for ever; and a machine that was set up anew under its old host key would stay empty. So each
 * host has two marks in the state. One goes with all its concerns: the preflight finds the host unlike what was deployed,
 * and the mark is made anew. The other goes with what the concerns stand on, the programs and the files that were
 * copied: it is made anew when nothing of ours is on the machine.
 *
 * Awkward cases: a preview does not look at hosts, and every later run must find the same marks. Both keep
 * the old ones, which are in the state that is read first (preflight/cloud-state.ts). A run that is cut off: the marks are in the state
 * before the first thing is done on a host, so the next one finds what was not done unlike them. And a state from before there was
 * the second mark: its hosts get the value that stands for none, so that nothing is copied again.
 */
import { randomUUID } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { firstMachine, type HostMarks, marksStash } from "../preflight/cloud-state.ts";

/**
 * @param before by host name, as the state has them
 * @param drifted names of hosts that are not what was deployed to them
 * @param bare names of hosts whose machine has nothing of ours: it is new, or was set up anew
 */
export function marksOf(
  hosts: readonly string[],
  before: ReadonlyMap<string, HostMarks>,
  drifted: ReadonlySet<string>,
  bare: ReadonlySet<string>,
): ReadonlyMap<string, HostMarks> {
  return new Map(
    hosts.map((host) => {
      const old = before.get(host);
      const isAnew = drifted.has(host) || bare.has(host) || old === undefined;
      const machine = bare.has(host) ? randomUUID() : (old?.machine ?? firstMachine);
      return [host, { converge: isAnew ? randomUUID() : old.converge, machine }];
    }),
  );
}

/** What names the machine, for the inputs of what has to be there first; empty for the first one. */
export function machineWords({ machine }: HostMarks): string {
  return machine === firstMachine ? "" : `machine ${machine}`;
}

/** @returns what has to be there before anything is done on a host */
export function keepMarks(
  marks: ReadonlyMap<string, HostMarks>,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource {
  return new pulumi.Stash(marksStash, { input: Object.fromEntries(marks) }, options);
}
