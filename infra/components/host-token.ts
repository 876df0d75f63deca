/**
 * The end of a host's token: nothing is done while the host is there (the concern `acl` makes the token). When the host has
 * left the configuration it takes the token back itself, as it says goodbye to Consul. So however many leave in one run, and
 * whoever is whose keeper, no token outlives its host's goodbye. Another Consul host looks again once the host is clean, for
 * one whose Consul could not.
 *
 * Why the leaver gets the management token for it: whoever else might do it may leave in the same run, and which hosts
 * leave Pulumi does not know before it takes them away. It comes on stdin, when the host leaves, and to nobody before.
 *
 * And what is done with the management token besides: an adopting stack has Consul take its own; and when hosts were given other
 * tokens, their old ones go, after the last host has its new one.
 */
import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../config/topology.ts";
import { asItIs } from "../left-out.ts";
import { clusterSecrets, hostSecret } from "../plan/secret-names.ts";
import { aclResetCommand, leaveCommand, retireTokensCommand, revokeCommand } from "./host-commands.ts";
import { connectionOf, type Deployment, marksAt } from "./host-concern.ts";

/** Its agent and its neard depend on this, so that they are gone first; it depends on its Consul, which goes after it. */
export function hostGoodbye(
  host: Host,
  { connections, secrets, claim, leftOut }: Pick<Deployment, "connections" | "secrets" | "claim" | "leftOut">,
  options: pulumi.CustomResourceOptions,
): remote.Command {
  return new remote.Command(
    `${host.name}-leave`,
    {
      connection: connectionOf({ connections }, host),
      delete: pulumi.output(claim).apply(({ id }) => leaveCommand(host.ssh.user, id)),
      stdin: secrets.json([clusterSecrets.managementToken]),
      logging: "stderr",
      addPreviousOutputInEnv: false,
    },
    asItIs(leftOut.has(host.name), options),
  );
}

/**
 * Whatever of the host uses its token depends on this, so that it is gone first.
 * @param keeper who takes it back.
 */
export function hostToken(
  host: Host,
  keeper: Host,
  { connections, secrets }: Pick<Deployment, "connections" | "secrets">,
  options: pulumi.CustomResourceOptions,
): remote.Command {
  return new remote.Command(
    `${host.name}-token`,
    {
      connection: connectionOf({ connections }, keeper),
      delete: revokeCommand(keeper.ssh.user, host.name),
      stdin: secrets.json([clusterSecrets.managementToken]),
      logging: "stderr",
      addPreviousOutputInEnv: false,
    },
    options,
  );
}

/**
 * Only while the stack adopts its hosts: their Consul was set up with a management token that is lost, and takes this
 * stack's only on the server that leads, whichever that is.
 */
export function aclReset(
  server: Host,
  { connections, secrets }: Pick<Deployment, "connections" | "secrets">,
  options: pulumi.CustomResourceOptions,
): remote.Command {
  return new remote.Command(
    `${server.name}-acl-reset`,
    {
      connection: connectionOf({ connections }, server),
      create: aclResetCommand(server.ssh.user),
      stdin: secrets.json([clusterSecrets.managementToken]),
      logging: "stderr",
      addPreviousOutputInEnv: false,
    },
    options,
  );
}

/**
 * Depends on everything of every host that uses its token. Runs again when any of them is another one, and when the ACLs are
 * made anew on `host`, as after a snapshot with old tokens was restored.
 */
export function retiredTokens(
  host: Host,
  {
    connections,
    secrets,
    plan,
    marks,
    leftOut,
  }: Pick<Deployment, "connections" | "secrets" | "plan" | "marks" | "leftOut">,
  options: pulumi.CustomResourceOptions,
): remote.Command {
  // One that is left out may have its old one yet.
  const hosts = plan.hosts.map(({ host }) => host.name).filter((name) => !leftOut.has(name));
  const tokens = hosts.map((name) => hostSecret(name, "consul-token"));
  return new remote.Command(
    "old-tokens",
    {
      connection: connectionOf({ connections }, host),
      create: retireTokensCommand(host.ssh.user),
      stdin: secrets.json([clusterSecrets.managementToken, ...tokens], {
        mark: marksAt({ marks }, host).converge,
      }),
      logging: "stderr",
      addPreviousOutputInEnv: false,
    },
    options,
  );
}
