/**
 * What two versions of the settings say of a host's machine at a cloud, where they differ. Pure.
 *
 * A new type takes effect at once: the provider cuts the server's power for it, without a shutdown. Image and location are of a
 * machine's making; Pulumi is told to leave them alone until the machine is replaced.
 */
import type { Host } from "../config/topology.ts";

export interface MachineChange {
  /** `serverType cx23 becomes cx33`. */
  readonly what: string;
  /** The server loses its power for a minute or two. */
  readonly powersOff: boolean;
}

/** @param was the same host before. Nothing of one that is another machine, or exists by itself. */
export function machineChanges({ cloud: was }: Host, { cloud: is }: Host): MachineChange[] {
  if (was === null || is === null) return [];
  const change = (name: "serverType" | "image" | "location", powersOff: boolean): MachineChange[] =>
    was[name] === is[name] ? [] : [{ what: `${name} ${was[name]} becomes ${is[name]}`, powersOff }];
  return [...change("serverType", true), ...change("image", false), ...change("location", false)];
}
