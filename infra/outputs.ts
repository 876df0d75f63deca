/** The stack's outputs, as contract/stack-outputs.ts has them. */
import * as pulumi from "@pulumi/pulumi";
import { paths } from "../contract/paths.ts";
import { type StackOutputs, stackOutputsSchema } from "../contract/stack-outputs.ts";
import type { Topology } from "./config/topology.ts";

type Outputs = Omit<StackOutputs, "sshAccess"> & { readonly sshAccess: pulumi.Output<StackOutputs["sshAccess"]> };

export function stackOutputs(topology: Topology, sshPrivateKey: string | undefined): Outputs {
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
  return { ...rest, sshAccess: pulumi.secret(sshAccess) };
}
