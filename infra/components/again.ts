/**
 * Makes `pulumi up` do over what a host has lost. A command runs again only when its inputs change, and
 * Pulumi does not look at hosts: a file changed by hand, or an apply that failed before its setting was
 * taken back, would stay for ever. So each host has a mark in the state, which goes with all its commands;
 * the preflight finds the host unlike what was deployed, and the mark is made anew.
 *
 * Awkward case: a preview does not look at hosts, and every later run must find the same mark. Both keep
 * the old one.
 */
import { randomUUID } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

/** @param again the host is to be converged anew. */
export function convergeMark(
  hostName: string,
  again: boolean,
  options: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const kept = again ? {} : { ignoreChanges: ["input"] };
  const stash = new pulumi.Stash(
    `${hostName}-mark`,
    { input: randomUUID() },
    // What a Stash gives out is its first input: for another, it must be another.
    { ...options, ...kept, replaceOnChanges: ["input"] },
  );
  return stash.output as pulumi.Output<string>;
}
