/**
 * The end of a host's token: nothing is done while the host is there (the concern `acl` makes the token); when the host has left
 * the configuration and is clean, another Consul host takes it back.
 */
import { remote } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../config/topology.ts";
import { clusterSecrets } from "../plan/secret-names.ts";
import { connectionTo } from "./connection.ts";
import { revokeCommand } from "./host-commands.ts";
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
