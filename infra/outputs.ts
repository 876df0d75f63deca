/** The stack's outputs, as contract/wire/stack-outputs.ts has them. */
import * as pulumi from "@pulumi/pulumi";
import { paths } from "../contract/paths.ts";
import { type StackOutputs, stackOutputsSchema, stackOutputsShape } from "../contract/wire/stack-outputs.ts";
import type { Topology } from "./config/topology.ts";

type Secret = "sshAccess" | "consulAccess";
type Outputs = { readonly format: number } & Omit<StackOutputs, Secret> & {
    readonly [Name in Secret]-?: pulumi.Output<StackOutputs[Name]>;
  };

export function stackOutputs(
  topology: Topology,
  sshPrivateKey: string | undefined,
  managementToken: pulumi.Output<string>,
): Outputs {
  const { sshAccess, ...rest } = stackOutputsSchema.parse({
    network: topology.network,
    account: topology.account,
    publicKey: topology.publicKey,
    hosts: topology.hosts.map(({ name, address, roles, zone, ssh }) => ({ name, address, roles, zone, ssh })),
    addresses: Object.fromEntries(topology.hosts.map(({ name, address }) => [name, address])),
    agentSocket: paths.socket,
    statusCommand: "npm run -s holdfast -- status",
    sshAccess: sshPrivateKey === undefined ? {} : { privateKey: sshPrivateKey },
  });
  const consulAccess = managementToken.apply((token) => ({ managementToken: token }));
  return {
    format: stackOutputsShape.format,
    ...rest,
    sshAccess: pulumi.secret(sshAccess),
    consulAccess: pulumi.secret(consulAccess),
  };
}
