/**
 * Makes `pulumi up` do over what a host has lost. A command runs again only when its inputs change, and
 * Pulumi does not look at hosts: a file changed by hand, or an apply that failed before its setting was
 * taken back, would stay for ever; and a machine that was set up anew under its old host key would stay empty. So each
 * host has two marks in the state. One goes with all its concerns: the preflight finds the host unlike what was deployed,
 * and the mark is made anew. The other goes with what the concerns stand on, the programs and the files that were
 * copied: it is made anew when nothing of ours is on the machine.
 *
 * Awkward cases: a preview does not look at hosts, and every later run must find the same marks. Both keep
 * the old ones. And a state from before there was the second mark: its hosts get the value that stands for none, so that
 * nothing is copied again.
 */
import { randomUUID } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

/** @param again the host is to be converged anew. */
export function convergeMark(
  hostName: string,
  again: boolean,
  options: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  return keptMark(`${hostName}-mark`, randomUUID(), again, options);
}

/** The machine that a host had when this was introduced. */
const firstMachine = "first";

/**
 * @param isBare nothing of ours is on the machine: it is new, or was set up anew.
 * @returns words that name the machine, for the inputs of what has to be there first; empty for the first one
 */
export function machineMark(
  hostName: string,
  isBare: boolean,
  options: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const mark = keptMark(`${hostName}-machine`, isBare ? randomUUID() : firstMachine, isBare, options);
  return mark.apply((machine) => (machine === firstMachine ? "" : `machine ${machine}`));
}

function keptMark(
  name: string,
  value: string,
  anew: boolean,
  options: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const kept = anew ? {} : { ignoreChanges: ["input"] };
  const stash = new pulumi.Stash(
    name,
    { input: value },
    // What a Stash gives out is its first input: for another, it must be another.
    { ...options, ...kept, replaceOnChanges: ["input"] },
  );
  return stash.output as pulumi.Output<string>;
}
