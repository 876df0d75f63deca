/**
 * All that the hosts need at Hetzner Cloud: network, packet filter, SSH key, placement groups, and for each host a public
 * address, a server and its place in the private network. Thin: what is to be there is infra/plan/cloud.ts, why it is laid out so
 * docs/decisions/0018-hosts-at-hetzner.md, what the provider does with each option facts of its own.
 *
 * Idea: an address outlives its server, a server is never replaced by an edit, and nothing that a running host needs goes
 * without somebody having lifted its protection first.
 * Awkward case: a run that is cut off. Names are fixed, so that the next one refuses to make twins; the attachment is a
 * resource of its own, so that the next one makes what is missing.
 */
import * as hcloud from "@pulumi/hcloud";
import * as pulumi from "@pulumi/pulumi";
import { cloudComponent } from "../../contract/cloud.ts";
import type { KeyPair } from "../../ssh/key-pair.ts";
import type { Cloud as CloudSettings } from "../config/topology.ts";
import { type CloudHostPlan, type CloudPlan, cloudNames, type FirewallRule } from "../plan/cloud.ts";
import { mostUserDataBytes, userData } from "../plan/user-data.ts";
import { addressInState, type CloudState, isAdopted, serverInState } from "../preflight/cloud-state.ts";
import { shared } from "../preflight/shared-things.ts";
import type { CloudPlace, CloudPlaces } from "./cloud-places.ts";

export interface CloudParts {
  readonly plan: CloudPlan;
  readonly token: pulumi.Output<string>;
  /**
   * Hosts whose server may be replaced or deleted in this run whatever the settings say: their addresses stay protected. See
   * contract/cloud.ts.
   */
  readonly replaceable: ReadonlySet<string>;
  /** What the stack had before this run: what is adopted already is not imported again. */
  readonly state: CloudState;
  /** Ids of what hosts share and this run takes over, by the names of its resources. */
  readonly takingOver: ReadonlyMap<string, string>;
  /** Makes an SSH host key, for a host that may have one already: what a program makes is kept only the first time. */
  readonly makeHostKey: (host: string) => KeyPair;
}

/** A host's resources by their names in the stack's state; its server has the host's own. */
const perHost = {
  address: (host: string) => `${host}-address`,
  attachment: (host: string) => `${host}-private`,
  hostKey: (host: string) => `${host}-host-key`,
  ready: (host: string) => `${host}-ready`,
  adopted: (host: string) => `${host}-adopted`,
};

/** As the facts of the provider have it: what of a server would replace it, or be refused of one that runs. */
export const keptOfServers = ["image", "userData", "sshKeys", "location", "placementGroupId"];

/**
 * Besides, of one that is adopted, until it is replaced: for these the provider would cut its power and delete its address, and end
 * what backups it has.
 */
export const keptOfAdopted = ["publicNets", "backups"];

/** Hosts beyond which actions are asked about less often: a project has 3,600 requests an hour. */
const manyHosts = 5;

export class Cloud extends pulumi.ComponentResource {
  /** By host name. */
  readonly places: CloudPlaces;
  readonly #names: ReturnType<typeof cloudNames>;
  readonly #plan: CloudPlan;
  readonly #own: { readonly parent: Cloud; readonly provider: hcloud.Provider };
  readonly #protect: boolean;
  readonly #takingOver: CloudParts["takingOver"];

  constructor(name: string, parts: CloudParts, options?: pulumi.ComponentResourceOptions) {
    super(cloudComponent, name, {}, options);
    const { plan, token } = parts;
    this.#plan = plan;
    this.#names = cloudNames(plan.cloud);
    this.#protect = plan.cloud.protect;
    this.#takingOver = parts.takingOver;
    const provider = new hcloud.Provider(
      "hcloud",
      {
        token,
        ...(plan.cloud.endpoint === null ? {} : { endpoint: plan.cloud.endpoint }),
        // The default doubles its waits: what takes 16 s would be seen after 31.
        pollFunction: "constant",
        pollInterval: plan.hosts.length > manyHosts ? "3s" : "1s",
      },
      { parent: this },
    );
    this.#own = { parent: this, provider };
    const subnet = this.#makeNetwork();
    const common: Common = {
      subnet,
      sshKey: this.#makeSshKey(plan.cloud),
      firewall: this.#makeFirewall(shared.firewall, this.#names.firewall, plan.firewall.all),
      neardFirewall: this.#makeFirewall(shared.neardFirewall, this.#names.neardFirewall, plan.firewall.neard),
      groups: new Map(plan.spread.map((one) => [one.location, this.#makeGroup(one)])),
    };
    this.places = new Map(plan.hosts.map((host) => [host.host.name, this.#makeHost(host, common, parts)]));
    this.registerOutputs({});
  }

  #makeNetwork(): hcloud.NetworkSubnet {
    const { range, subnet, zone } = this.#plan.cloud.network;
    const network = new hcloud.Network(
      shared.network,
      { name: this.#names.network, ipRange: range, labels: this.#plan.labels },
      { ...this.#shared(shared.network), protect: this.#protect },
    );
    return new hcloud.NetworkSubnet(
      shared.subnet,
      { networkId: numberOf(network), type: "cloud", ipRange: subnet, networkZone: zone },
      { ...this.#shared(shared.subnet), protect: this.#protect },
    );
  }

  /** Its id, or the name of one that somebody else has made. */
  #makeSshKey({ sshKey }: CloudSettings): pulumi.Input<string> {
    if ("name" in sshKey) return sshKey.name;
    const key = new hcloud.SshKey(
      shared.sshKey,
      { name: this.#names.sshKey, publicKey: sshKey.publicKey, labels: this.#plan.labels },
      // A project has a key but once: the new one of that name cannot come before the old one has gone.
      { ...this.#shared(shared.sshKey), deleteBeforeReplace: true },
    );
    return key.id;
  }

  #makeFirewall(name: string, apiName: string, rules: readonly FirewallRule[]): hcloud.Firewall {
    return new hcloud.Firewall(
      name,
      {
        name: apiName,
        rules: rules.map((rule) => ({ ...rule, direction: "in", sourceIps: [...rule.sourceIps] })),
        labels: this.#plan.labels,
      },
      { ...this.#shared(name), protect: this.#protect },
    );
  }

  #makeGroup({ location, protect }: CloudPlan["spread"][number]): hcloud.PlacementGroup {
    return new hcloud.PlacementGroup(
      shared.spread(location),
      { name: this.#names.placementGroup(location), type: "spread", labels: this.#plan.labels },
      { ...this.#shared(shared.spread(location)), protect },
    );
  }

  /** Of a resource that hosts share. */
  #shared(name: string) {
    const id = this.#takingOver.get(name);
    return { ...this.#own, ...(id === undefined ? {} : { import: id }) };
  }

  #makeHost(plan: CloudHostPlan, common: Common, { replaceable, state, makeHostKey }: CloudParts): CloudPlace {
    const { name, address: privateAddress, cloud } = plan.host;
    const { serverName, serverType, location, image, protect } = cloud;
    const adopt = isAdopted(state, plan.host) ? cloud.adopt : null;
    const imported = (isInState: boolean, id: number | undefined) =>
      isInState || id === undefined ? {} : { import: String(id) };
    const hostKey = this.#keepHostKey(name, makeHostKey);
    const address = new hcloud.PrimaryIp(
      perHost.address(name),
      // Without assigneeType: the API says "unassigned" while it is free, and another word would differ once.
      { name: serverName, type: "ipv4", location, autoDelete: false, deleteProtection: protect, labels: plan.labels },
      {
        ...this.#own,
        protect,
        deleteBeforeReplace: true,
        ignoreChanges: ["location"],
        ...imported(addressInState(state, name) !== undefined, adopt?.primaryIp),
      },
    );
    const group = plan.spreadIn === null ? undefined : common.groups.get(plan.spreadIn);
    const server = new hcloud.Server(
      name,
      {
        name: serverName,
        serverType,
        image,
        location,
        // In the state its whole text stands among the inputs, with the private host key in it.
        userData: pulumi.secret(hostKey.apply(checkedUserData)),
        sshKeys: [common.sshKey],
        ...(group === undefined ? {} : { placementGroupId: numberOf(group) }),
        firewallIds: [common.firewall, ...(plan.hasNeard ? [common.neardFirewall] : [])].map(numberOf),
        publicNets: [{ ipv4Enabled: true, ipv4: numberOf(address), ipv6Enabled: false }],
        // Or there would be no way back to a smaller type.
        keepDisk: true,
        labels: plan.labels,
      },
      {
        ...this.#own,
        protect: protect && !replaceable.has(name),
        ignoreChanges: adopt === null ? keptOfServers : [...keptOfServers, ...keptOfAdopted],
        deleteBeforeReplace: true,
        ...imported(serverInState(state, name) !== undefined, adopt?.server),
        customTimeouts: { create: "15m" },
        // What costs comes when the network is there.
        dependsOn: [common.subnet],
      },
    );
    const attachment = new hcloud.ServerNetwork(
      perHost.attachment(name),
      { serverId: numberOf(server), subnetId: common.subnet.id, ip: privateAddress },
      { ...this.#own, deletedWith: server, deleteBeforeReplace: true },
    );
    const made = pulumi.unsecret(hostKey.apply(({ publicKey }) => publicKey));
    if (adopt !== null) this.#keepAdopted(name, adopt.server);
    return {
      address: address.ipAddress,
      // Another server, in this very run, has the one that was made.
      hostKey:
        adopt === null
          ? made
          : pulumi.all([server.id, made]).apply(([id, key]) => (id === String(adopt.server) ? adopt.hostKey : key)),
      serverId: server.id,
      made: [server, attachment],
    };
  }

  /** Keeps in the state that a server was adopted: settings that forget it would cost its address. */
  #keepAdopted(name: string, server: number): void {
    const options = { parent: this, replaceOnChanges: ["input"] };
    new pulumi.Stash(perHost.adopted(name), { input: String(server) }, options);
  }

  /**
   * Keeps in the state which server of each host was waited for, once it was. Of a run that was cut off between making another
   * server and that, the next one sees that it has to wait.
   */
  keepReady(): void {
    for (const [name, { serverId }] of this.places)
      new pulumi.Stash(
        perHost.ready(name),
        { input: serverId },
        // What a Stash gives out is its first input: for another, it must be another.
        { parent: this, replaceOnChanges: ["input"] },
      );
  }

  /** Made once and kept in the state: a server that is replaced has the same one. */
  #keepHostKey(name: string, make: CloudParts["makeHostKey"]): pulumi.Output<KeyPair> {
    // A preview changes no state, so it makes none: what it shows of a new one is that it is not known yet.
    const first = pulumi.output(
      pulumi.runtime.isDryRun() ? (pulumi.unknown as unknown as KeyPair) : make(name),
    ) as pulumi.Output<KeyPair>;
    const stash = new pulumi.Stash(
      perHost.hostKey(name),
      { input: pulumi.secret(first) },
      { parent: this, ignoreChanges: ["input"] },
    );
    return pulumi.secret(stash.output) as pulumi.Output<KeyPair>;
  }
}

/** What several hosts share. */
interface Common {
  readonly subnet: hcloud.NetworkSubnet;
  readonly sshKey: pulumi.Input<string>;
  readonly firewall: hcloud.Firewall;
  readonly neardFirewall: hcloud.Firewall;
  readonly groups: ReadonlyMap<string, hcloud.PlacementGroup>;
}

/** Ids are texts in Pulumi, and numbers where one resource names another. */
function numberOf({ id }: pulumi.CustomResource): pulumi.Output<number> {
  return id.apply(Number);
}

function checkedUserData(key: KeyPair): string {
  const text = userData(key);
  if (Buffer.byteLength(text) > mostUserDataBytes) throw new TypeError("user data is too long for Hetzner");
  return text;
}
