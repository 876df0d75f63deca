/** The stack's outputs, as contract/stack-outputs.ts has them. */
import * as pulumi from "@pulumi/pulumi";
import { paths } from "../contract/paths.ts";
import { type StackOutputs, stackOutputsSchema } from "../contract/stack-outputs.ts";
import type { CloudPlaces } from "./components/cloud-places.ts";
import type { Configuration } from "./config/load-configuration.ts";

type Secret = "sshAccess" | "consulAccess" | "hcloudAccess";
type Outputs = Omit<StackOutputs, Secret | "hosts"> & {
  readonly hosts: readonly Made[];
} & { readonly [Name in Secret]-?: pulumi.Output<StackOutputs[Name]> | undefined };

export function stackOutputs(
  { topology, sshPrivateKey, hcloudToken }: Pick<Configuration, "topology" | "sshPrivateKey" | "hcloudToken">,
  places: CloudPlaces,
  managementToken: pulumi.Output<string>,
): Outputs {
  const { cloud } = topology;
  const { sshAccess, hosts, hcloudAccess, ...rest } = stackOutputsSchema.parse({
    network: topology.network,
    account: topology.account,
    publicKey: topology.publicKey,
    hosts: topology.hosts.map(({ name, address, roles, zone, ssh, cloud: at }) => ({
      ...{ name, address, roles, zone, ssh },
      ...(at === null ? {} : { cloud: { provider: "hcloud", ...at } }),
    })),
    addresses: Object.fromEntries(topology.hosts.map(({ name, address }) => [name, address])),
    agentSocket: paths.socket,
    statusCommand: "npm run -s holdfast -- status",
    sshAccess: sshPrivateKey === undefined ? {} : { privateKey: sshPrivateKey },
    ...(cloud === null || hcloudToken === undefined
      ? {}
      : { hcloudAccess: { token: hcloudToken, endpoint: cloud.endpoint } }),
  });
  const consulAccess = managementToken.apply((token) => ({ managementToken: token }));
  return {
    ...rest,
    hosts: hosts.map((host) => withPlace(host, places)),
    sshAccess: pulumi.secret(sshAccess),
    consulAccess: pulumi.secret(consulAccess),
    hcloudAccess: hcloudAccess === undefined ? undefined : pulumi.secret(hcloudAccess),
  };
}

/** As `HostOutput`, some of it not known before it is made. */
type Made = Omit<HostOutput, "ssh"> & {
  readonly ssh: Omit<HostOutput["ssh"], "host" | "hostKey"> &
    Record<"host" | "hostKey", pulumi.Input<string> | undefined>;
};
type HostOutput = StackOutputs["hosts"][number];

/** One at a cloud with what its marks stand for. */
function withPlace(host: HostOutput, places: CloudPlaces): Made {
  const place = places.get(host.name);
  if (place === undefined) return { ...host, ssh: { ...host.ssh, host: host.ssh.host } };
  return { ...host, ssh: { ...host.ssh, host: place.address, hostKey: place.hostKey } };
}
