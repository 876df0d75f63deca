/** One concern of one host: `holdfastd apply` with its spec, `holdfastd remove` when it goes. */
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { usualHealthyMs } from "../../contract/wire/host-spec.ts";
import { type Claim, claimName } from "../../contract/wire/identity.ts";
import type { Host } from "../config/topology.ts";
import { asItIs } from "../left-out.ts";
import type { ConcernPlan, Plan } from "../plan/deployment.ts";
import type { HostMarks } from "../preflight/cloud-state.ts";
import type { ClusterSecrets } from "../secrets/cluster-secrets.ts";
import { fillIn } from "./cloud-places.ts";
import type { Connection, SshAccess } from "./connection.ts";
import { applyCall, type Owners, ownersOf, removeCommand } from "./host-commands.ts";

export interface Deployment {
  /** Who deploys; see contract/deployment.ts. */
  readonly claim: pulumi.Output<Claim>;
  /** The same in JSON. */
  readonly claimText: pulumi.Output<string>;
  readonly plan: Plan;
  readonly access: SshAccess;
  /** By host name. */
  readonly connections: ReadonlyMap<string, Connection>;
  readonly secrets: ClusterSecrets;
  /** Names of hosts that this run does not touch; see left-out.ts. */
  readonly leftOut: ReadonlySet<string>;
  /** By host name; see again.ts. */
  readonly marks: ReadonlyMap<string, HostMarks>;
  /** How long a host may take until it is healthy after its neard was changed: the longest of all waits. */
  readonly longestTurnMs: number;
}

export function connectionOf({ connections }: Pick<Deployment, "connections">, { name }: Host): Connection {
  return connections.get(name) as Connection;
}

export function marksAt({ marks }: Pick<Deployment, "marks">, host: Host): HostMarks {
  return marks.get(host.name) as HostMarks;
}

/** Besides waiting until healthy: unpacking, restarts, a switchover, Consul's quorum. */
const workSeconds = 420;
/**
 * Each may have to wait for all others, whatever of them is changed, for one is changed at a time. Not the number of
 * hosts: then every command would change, and run again, when a host comes or goes.
 */
const mostOthers = 7;

/**
 * @param name of the resource.
 * @param before see applyCall
 */
export function hostConcern(
  name: string,
  host: Host,
  plan: ConcernPlan,
  deployment: Deployment,
  options: pulumi.CustomResourceOptions,
  before?: (owners: Owners) => string,
): remote.Command {
  const { healthyWithinMs = usualHealthyMs } = plan.spec;
  const turnSeconds = (healthyMs: number) => workSeconds + Math.ceil(healthyMs / 1000);
  const bounds = { others: mostOthers * turnSeconds(deployment.longestTurnMs), own: turnSeconds(healthyWithinMs) };
  const call = (first?: string) => applyCall(host.ssh.user, plan.spec, bounds, first);
  const { command, stdin } = call();
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
      connection: connectionOf(deployment, host),
      create:
        before === undefined
          ? whole(command)
          : deployment.claim.apply((by) => pulumi.output(whole(call(before(ownersOf(by))).command))),
      delete: deployment.claim.apply(({ id }) => removeCommand(host.ssh.user, plan.spec.concern, id)),
      // No secrets, but here they clutter no preview, and `apply` passes over what it does not need.
      stdin: deployment.secrets.json(plan.secrets, {
        mark: marksAt(deployment, host).converge,
        [claimName]: deployment.claimText,
        ...onStdin,
      }),
      logging: "stderr",
      addPreviousOutputInEnv: false,
    },
    asItIs(deployment.leftOut.has(host.name), options),
  );
}
