/** Hosts at Hetzner Cloud, together with each other and with the other settings; what only the API can tell comes later (infra/preflight). */
import { familyOf } from "../../contract/address.ts";
import type { Network } from "../../contract/topology.ts";
import { type Fault, configFault as fault } from "./faults.ts";
import type { HcloudSettings } from "./hcloud-schema.ts";
import { isBlockWithin, subnetAddressFault } from "./private-network.ts";
import type { Settings } from "./schema.ts";
import type { IsSecret } from "./secret-checks.ts";
import { type CloudSettings, networkZoneOf, type SettledHost, settle } from "./settled-host.ts";
import { publicKeyIn } from "./ssh-public-key.ts";

/** Hetzner: of one placement group of the type spread. */
export const mostSpread = 10;
/** Labels of holdfast's own begin with this. */
export const ownLabels = "holdfast";
/** Of an API that nobody else listens to. */
const setToken = "pulumi config set --secret --path holdfast:hcloud.token < TOKENFILE";

type CloudHost = SettledHost & { readonly cloud: CloudSettings };
const isAtCloud = (host: SettledHost): host is CloudHost => host.cloud !== undefined;
const named = (hosts: readonly { readonly name: string }[]) => hosts.map(({ name }) => name).join(", ");

export function cloudHostsIn({ hosts, hcloud }: Pick<Settings, "hosts" | "hcloud">): readonly CloudHost[] {
  return hosts.map((host) => settle(host, hcloud)).filter(isAtCloud);
}

/** Of each host by itself: what a host that holdfast makes cannot choose. */
export function cloudHostFaults(settings: Pick<Settings, "hosts" | "hcloud">): Fault[] {
  return cloudHostsIn(settings).flatMap((host) => {
    const { name, user = "root", port = 22, hostKey, ssh, takeoverAddress, cloud } = host;
    const at = `holdfast:hosts, ${name}`;
    return [
      ...(user === "root"
        ? []
        : [fault(`${at}: its user is ${user}, but a new server at Hetzner knows root alone`, "Remove user.")]),
      ...(port === 22 ? [] : [fault(`${at}: its port is ${port}, but a new server answers SSH on 22`, "Remove port.")]),
      ...hostKeyFaults(at, hostKey, cloud.adopt !== undefined),
      ...(ssh.host === undefined && ssh.port === undefined
        ? []
        : [
            fault(
              `${at} has ssh.${ssh.host === undefined ? "port" : "host"}, but its public address is made with it`,
              "Remove it; ssh.proxy alone may stay.",
            ),
          ]),
      ...(takeoverAddress === undefined ||
      (takeoverAddress.mover === "command" && takeoverAddress.address !== undefined)
        ? []
        : [
            fault(
              `${at}, takeoverAddress: ${takeoverAddress.mover === "arp" ? "mover arp needs one layer 2, which Hetzner's networks are not" : "the private address is not the one that neard's peers know"}`,
              "Use mover command with the address that your command moves, or neard.tier1: false (docs/operate/power-loss.md).",
            ),
          ]),
    ];
  });
}

function hostKeyFaults(at: string, hostKey: string | undefined, isAdopted: boolean): Fault[] {
  if (isAdopted === (hostKey !== undefined)) return [];
  return [
    isAdopted
      ? fault(
          `${at} has cloud.adopt, but no hostKey: a server that runs has its own`,
          "Read it on its console (cat /etc/ssh/ssh_host_ed25519_key.pub), and give it.",
        )
      : fault(`${at} has a hostKey, but a server at a cloud gets one that holdfast makes`, "Remove hostKey."),
  ];
}

/** Nothing can be two hosts'. */
function adoptionFaults(hosts: readonly CloudHost[]): Fault[] {
  return (["server", "primaryIp"] as const).flatMap((what) =>
    [...Map.groupBy(hosts, ({ cloud }) => cloud.adopt?.[what])]
      .filter(([id, of]) => id !== undefined && of.length > 1)
      .map(([id, of]) =>
        fault(`holdfast:hosts: ${named(of)} have the same cloud.adopt.${what}, ${id}`, "Give each host its own."),
      ),
  );
}

/** The section itself. */
export function hcloudFaults(settings: Pick<Settings, "network" | "hosts" | "hcloud">): Fault[] {
  const { hcloud, network } = settings;
  const hosts = cloudHostsIn(settings);
  if (hcloud === undefined)
    return hosts.length === 0
      ? []
      : [
          fault(
            `holdfast:hcloud is missing, but ${named(hosts)} ${hosts.length === 1 ? "is" : "are"} to be made at Hetzner Cloud`,
            `Set its token: ${setToken}`,
          ),
        ];
  return [
    ...endpointFaults(hcloud, network),
    ...labelFaults(hcloud),
    ...networkFaults(hcloud),
    ...zoneFaults(hcloud, hosts),
    ...hosts.flatMap((host) => addressFaults(hcloud, host)),
    ...spreadFaults(hcloud, hosts),
    ...adoptionFaults(hosts),
  ];
}

/** Whoever has the token has all servers: it stands in the stack's file only encrypted. */
export function clearTokenFaults({ hcloud }: Pick<Settings, "hcloud">, isSecret: IsSecret): Fault[] {
  if (hcloud === undefined || isSecret("hcloud")) return [];
  return [
    fault(
      "holdfast:hcloud.token is in the stack's file in clear",
      `Set it again with ${setToken}; if the file has left this machine, revoke the token in Hetzner's console and make another.`,
    ),
  ];
}

function endpointFaults({ endpoint }: HcloudSettings, network: Network): Fault[] {
  if (endpoint === undefined || endpoint.startsWith("https://") || network === "localnet") return [];
  return [fault("holdfast:hcloud.endpoint is not https", "Leave it out: the default is Hetzner's own API.")];
}

function labelFaults({ labels }: HcloudSettings): Fault[] {
  const taken = Object.keys(labels).filter((key) => /^(holdfast|hetzner\.cloud)/.test(key));
  return taken.map((key) =>
    fault(`holdfast:hcloud.labels has ${key}, which is not yours to set`, `Choose a name that does not begin so.`),
  );
}

function networkFaults({ network: { range, subnet } }: HcloudSettings): Fault[] {
  if (isBlockWithin(subnet, range)) return [];
  return [
    fault(
      `holdfast:hcloud.network.subnet ${subnet} is not within holdfast:hcloud.network.range ${range}`,
      "Give a block of that range, or set range and subnet both.",
    ),
  ];
}

/** A network has one zone, and its servers must be there. */
function zoneFaults({ network: { zone } }: HcloudSettings, hosts: readonly CloudHost[]): Fault[] {
  const byZone = Map.groupBy(hosts, ({ cloud }) => networkZoneOf(cloud.location) ?? zone);
  const unknown = byZone.get(undefined) ?? [];
  if (unknown.length > 0)
    return [
      fault(
        `holdfast:hosts: holdfast does not know the network zone of ${[...new Set(unknown.map(({ cloud }) => cloud.location))].join(", ")} (${named(unknown)})`,
        "If Hetzner has this location, set holdfast:hcloud.network.zone to its network zone.",
      ),
    ];
  const zones = new Set([...byZone.keys(), ...(zone === undefined ? [] : [zone])]);
  if (zones.size < 2) return [];
  const list = [...byZone].map(([is, of]) => `${is}: ${named(of)}`).join("; ");
  return [
    fault(
      `holdfast:hosts is in more than one network zone of Hetzner's (${list}${zone === undefined || byZone.has(zone) ? "" : `; holdfast:hcloud.network.zone is ${zone}`}), and a private network is within one`,
      "Choose locations of one zone: fsn1, nbg1 and hel1 are eu-central.",
    ),
  ];
}

function addressFaults({ network: { subnet, range } }: HcloudSettings, { name, address }: CloudHost): Fault[] {
  const why = subnetAddressFault(address, subnet, range);
  return why === null
    ? []
    : [
        fault(
          `holdfast:hosts: the address ${address} of host ${name} ${why}`,
          "Leave address out, or give a private one of holdfast:hcloud.network.subnet.",
        ),
      ];
}

function spreadFaults({ spread }: HcloudSettings, hosts: readonly CloudHost[]): Fault[] {
  if (!spread) return [];
  return [...Map.groupBy(hosts, ({ cloud }) => cloud.location)]
    .filter(([, of]) => of.length > mostSpread)
    .map(([location, of]) =>
      fault(
        `holdfast:hosts has ${of.length} hosts in ${location}; a placement group of Hetzner's spreads at most ${mostSpread}`,
        "Put some into another location, or set holdfast:hcloud.spread to false.",
      ),
    );
}

/** New servers let us in with a key that Hetzner must be told, before there is a way to log in. */
export function sshKeyFaults(settings: Pick<Settings, "hosts" | "hcloud" | "ssh">): Fault[] {
  const { hcloud, ssh } = settings;
  if (hcloud === undefined) return [];
  if (hcloud.sshPublicKey !== undefined && hcloud.sshKeyName !== undefined)
    return [fault("holdfast:hcloud has both sshPublicKey and sshKeyName", "Keep one of them.")];
  if (hcloud.sshPublicKey !== undefined || hcloud.sshKeyName !== undefined) return [];
  if (ssh.privateKey !== undefined && publicKeyIn(ssh.privateKey) !== null) return [];
  const why = ssh.privateKey === undefined ? "with ssh.agent" : "from this form of ssh.privateKey";
  return [
    fault(
      `holdfast:hcloud.sshPublicKey is missing, and cannot be told ${why}`,
      "Give the text of the .pub file that belongs to your key (ssh-add -L shows those of an agent).",
    ),
  ];
}

/** Allowed, but worth a word: hosts that exist must find their own way into the private network. */
export function cloudWarnings(settings: Pick<Settings, "hosts" | "hcloud">): string[] {
  const { hcloud } = settings;
  const cloud = cloudHostsIn(settings);
  if (hcloud === undefined || cloud.length === 0) return [];
  const { range } = hcloud.network;
  const outside = settings.hosts
    .filter(({ cloud: at }) => at === undefined)
    .map((host) => settle(host, hcloud))
    .filter(({ address }) => familyOf(address) === "ipv4" && !isBlockWithin(address, range));
  if (outside.length === 0) return [];
  return [
    `holdfast:hosts: ${named(outside)} ${outside.length === 1 ? "is" : "are"} outside of Hetzner's network ${range}, in which ${named(cloud)} ${cloud.length === 1 ? "is" : "are"}: they must reach each other at these very addresses, through a VPN or a vSwitch of yours (docs/operate/cloud.md).`,
  ];
}
