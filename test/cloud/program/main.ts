/** The recommended layout of hosts at Hetzner Cloud, as a small program: no holdfast in it, only the plugin's resources. */
import {
  CustomResource,
  type CustomResourceOptions,
  type Input,
  type Output,
  output,
  ProviderResource,
  secret,
} from "@pulumi/pulumi";
import { type Host, type Layout, layoutVariable } from "./layout.ts";

const layout = JSON.parse(process.env[layoutVariable] ?? "") as Layout;
const version = "1.41.0";
const protect = layout.protect ?? true;
const deleteProtection = layout.deleteProtection ?? true;

/** Any resource of the plugin, by its name in the package. */
class Resource extends CustomResource {
  readonly [property: string]: unknown;

  constructor(kind: string, name: string, inputs: Record<string, Input<unknown>>, options: CustomResourceOptions) {
    const lower = `${kind[0]?.toLowerCase()}${kind.slice(1)}`;
    super(`hcloud:index/${lower}:${kind}`, name, inputs, { ...options, provider, version });
  }
}

class Provider extends ProviderResource {}

const provider = new Provider(
  "hcloud",
  "cloud",
  {
    endpoint: layout.endpoint,
    token: secret(layout.token),
    // As the plugin has it: whatever is no string goes as JSON.
    pollInterval: "20ms",
    pollFunction: "constant",
  },
  { version },
);

const numberOf = (resource: Resource): Output<number> => resource.id.apply(Number);
const named = (name: string) => (layout.autoNames === true ? {} : { name });

const key = new Resource(
  "SshKey",
  "key",
  { ...named("key"), publicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk0h1AN6ibGyRfQ8v0s5PZdj0kVnr5Nq8e3mJ1X3s7q" },
  {},
);
const network = new Resource(
  "Network",
  "network",
  { ...named("network"), ipRange: "10.1.0.0/16", deleteProtection },
  { protect },
);
const subnet = new Resource(
  "NetworkSubnet",
  "subnet",
  { networkId: numberOf(network), type: "cloud", networkZone: "eu-central", ipRange: layout.subnet ?? "10.1.1.0/24" },
  // Not deletedWith the network: a destroy that ends in between would forget the subnet and leave it.
  { protect },
);
const group = new Resource("PlacementGroup", "group", { ...named("group"), type: "spread" }, { protect });
const firewall = new Resource(
  "Firewall",
  "firewall",
  {
    ...named("firewall"),
    rules: (layout.rules ?? [{ port: "22" }]).map(({ port }) => ({
      direction: "in",
      protocol: "tcp",
      port,
      sourceIps: ["0.0.0.0/0"],
    })),
  },
  { protect },
);

function host(wanted: Host): Resource {
  const isProtected = wanted.protect ?? protect;
  const location = wanted.location ?? "fsn1";
  const address = new Resource(
    "PrimaryIp",
    `${wanted.name}-address`,
    { ...named(`${wanted.name}-address`), type: "ipv4", location, autoDelete: false, deleteProtection },
    {
      protect,
      deleteBeforeReplace: true,
      ignoreChanges: ["location"],
      ...(wanted.adopt?.primaryIp === undefined ? {} : { import: wanted.adopt.primaryIp }),
    },
  );
  const ignored = ["image", "userData", "sshKeys", "location"];
  // An adopted server keeps its address and its disk until it is replaced.
  if (wanted.adopt !== undefined && wanted.adoptCarelessly !== true) ignored.push("publicNets", "keepDisk");
  const server = new Resource(
    "Server",
    wanted.name,
    {
      ...named(wanted.name),
      serverType: wanted.type ?? "cx23",
      image: wanted.image ?? "debian-12",
      location,
      userData: secret(wanted.userData ?? `#cloud-config\nhostname: ${wanted.name}\n`),
      sshKeys: [key.id],
      placementGroupId: wanted.placementGroup === false ? undefined : numberOf(group),
      firewallIds: [numberOf(firewall)],
      publicNets: [{ ipv4Enabled: true, ipv4: numberOf(address), ipv6Enabled: false }],
      keepDisk: true,
      deleteProtection,
      rebuildProtection: deleteProtection,
      ...(layout.inlineNetworks === true ? { networks: [{ subnetId: subnet.id, ip: wanted.ip }] } : {}),
    },
    {
      protect: isProtected,
      ignoreChanges: ignored,
      deleteBeforeReplace: true,
      // So that a destroy begins with the subnet only when the server is gone: the plugin retries for most of an hour on a subnet
      // whose servers stay, such as protected ones.
      dependsOn: [subnet],
      customTimeouts: { create: layout.createTimeout ?? "5m" },
      ...(wanted.adopt === undefined ? {} : { import: wanted.adopt.server }),
    },
  );
  if (layout.inlineNetworks !== true)
    new Resource(
      "ServerNetwork",
      `${wanted.name}-network`,
      { serverId: numberOf(server), subnetId: subnet.id, ip: wanted.ip },
      { deletedWith: server, deleteBeforeReplace: true },
    );
  return server;
}

/** Ids of the servers. */
export const servers = output(Object.fromEntries(layout.hosts.map((wanted) => [wanted.name, host(wanted).id])));
