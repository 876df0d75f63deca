/**
 * A host that died for good: it has left `hosts`, and stands in `holdfast:gone`. Pulumi would run its
 * commands' `delete` there, and wait in vain. So they stay in the state as they are, marked to be dropped
 * without running anything, until the name leaves `gone` too. What needs no way to the host goes at once. Its
 * token is taken back by the concern `acl`, in the same run.
 */
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { commandInputs } from "../left-out.ts";

/** The commands that have a `delete`, by the ends of their names, below the cluster. */
const concerns = ["system", "consul", "neard", "agent", "leave", "token"];

export function forgetHost(name: string, cluster: pulumi.ComponentResource): void {
  const runtime = new GoneRuntime(`${name}-runtime`, { parent: cluster });
  for (const concern of concerns) keep(`${name}-${concern}`, cluster);
  keep(`${name}-runtime-prepare`, runtime);
}

/** One that is not in the state, such as the neard of an arbiter, comes into being without a command to run. */
function keep(name: string, parent: pulumi.Resource): void {
  new remote.Command(
    name,
    { connection: { host: "gone" }, addPreviousOutputInEnv: false },
    { parent, retainOnDelete: true, ignoreChanges: commandInputs },
  );
}

/** Stands where HostRuntime did, for a child's identity has its parent in it. */
class GoneRuntime extends pulumi.ComponentResource {
  constructor(name: string, options: pulumi.ComponentResourceOptions) {
    super("holdfast:index:HostRuntime", name, {}, options);
    this.registerOutputs({});
  }
}
