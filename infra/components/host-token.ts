/**
 * What is done with the management token besides the concern `acl`, on standard input like all secrets.
 *
 * The end of a host's token: nothing is done while the host is there (the concern `acl` makes the token); when the host has left
 * the configuration and is clean, another Consul host takes it back.
 */
import { remote } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../config/topology.ts";
import { clusterSecrets } from "../plan/secret-names.ts";
import { connectionTo } from "./connection.ts";
import { aclResetCommand, revokeCommand } from "./host-commands.ts";
import type { Deployment } from "./host-concern.ts";

/**
 * Whatever of the host uses its token depends on this, so that it is gone first.
 * @param keeper who takes it back.
 */
export function hostToken(
  host: Host,
  keeper: Host,
  { access, secrets }: Pick<Deployment, "access" | "secrets">,
  options: pulumi.CustomResourceOptions,
): remote.Command {
  return new remote.Command(
    `${host.name}-token`,
    {
      connection: connectionTo(keeper, access),
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
  { access, secrets }: Pick<Deployment, "access" | "secrets">,
  options: pulumi.CustomResourceOptions,
): remote.Command {
  return new remote.Command(
    `${server.name}-acl-reset`,
    {
      connection: connectionTo(server, access),
      create: aclResetCommand(server.ssh.user),
      stdin: secrets.json([clusterSecrets.managementToken]),
      logging: "stderr",
      addPreviousOutputInEnv: false,
    },
    options,
  );
}
