/** One concern of one host: `holdfastd apply` with its spec, `holdfastd remove` when it goes. */
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { hostSpecSchema } from "../../contract/wire/host-spec.ts";
import { type Claim, claimName } from "../../contract/wire/identity.ts";
import type { Host } from "../config/topology.ts";
import { asItIs } from "../left-out.ts";
import type { ConcernPlan, Plan } from "../plan/deployment.ts";
import type { ClusterSecrets } from "../secrets/cluster-secrets.ts";
import { fillIn } from "./cloud-places.ts";
import { connectionTo, type SshAccess } from "./connection.ts";
import { applyCall, removeCommand } from "./host-commands.ts";

export interface Deployment {
  /** Who deploys; see contract/deployment.ts. */
  readonly claim: pulumi.Output<Claim>;
  readonly plan: Plan;
  readonly access: SshAccess;
  readonly secrets: ClusterSecrets;
  /** Names of hosts that this run does not touch; see left-out.ts. */
  readonly leftOut: ReadonlySet<string>;
  /** By host name; see again.ts. */
  readonly marks: ReadonlyMap<string, pulumi.Output<string>>;
  /** How long a host may take until it is healthy after its neard was changed: the longest of all waits. */
  readonly longestTurnMs: number;
}

/** Besides waiting until healthy: unpacking, restarts, a switchover, Consul's quorum. */
const workSeconds = 420;
/**
 * Each may have to wait for all others, whatever of them is changed, for one is changed at a time. Not the number of
 * hosts: then every command would change, and run again, when a host comes or goes.
 */
const mostOthers = 7;

/** @param name of the resource. */
export function hostConcern(
  name: string,
  host: Host,
  plan: ConcernPlan,
  deployment: Deployment,
  options: pulumi.CustomResourceOptions,
): remote.Command {
  const { healthyWithinMs } = hostSpecSchema.parse(plan.spec);
  const mark = deployment.marks.get(host.name) as pulumi.Output<string>;
  const turnSeconds = (healthyMs: number) => workSeconds + Math.ceil(healthyMs / 1000);
  const bounds = { others: mostOthers * turnSeconds(deployment.longestTurnMs), own: turnSeconds(healthyWithinMs) };
  const { command, stdin } = applyCall(host.ssh.user, plan.spec, bounds);
  const withNodeKey = (text: string) => deployment.secrets.withNodeKey(host.name, text);
  const whole = (text: string) => {
    const filled = fillIn(deployment.access.places, host.name, text);
    return typeof filled === "string"
      ? withNodeKey(filled)
      : pulumi.output(filled).apply((known) => pulumi.output(withNodeKey(known)));
  };
  const onStdin = Object.fromEntries(Object.entries(stdin).map(([key, text]) => [key, whole(text)]));
  return new remote.Command(
    name,
    {
      connection: connectionTo(host, deployment.access),
      create: whole(command),
      delete: deployment.claim.apply(({ id }) => removeCommand(host.ssh.user, plan.spec.concern, id)),
      // No secrets, but here they clutter no preview, and `apply` passes over what it does not need.
      stdin: deployment.secrets.json(plan.secrets, {
        mark,
        [claimName]: pulumi.jsonStringify(deployment.claim),
        ...onStdin,
      }),
      logging: "stderr",
      addPreviousOutputInEnv: false,
    },
    asItIs(deployment.leftOut.has(host.name), options),
  );
}
