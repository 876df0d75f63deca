/**
 * The addresses under which neard offers itself to the other validators, host by host: `hosts[].publicAddrs`.
 *
 * neard signs them with the validator key and sends them around; the others dial them. What it would refuse at its
 * start is refused here (nearcore: chain/network/src/config.rs): another form, a private address on a public network,
 * two addresses for one node. So is what it would take and then never send around: it dials its own address first, and
 * believes in it only with the port that it listens on (nearcore: peer_actor.rs, tier1.rs). Awkward case: an address needs the node's public key before it, which holdfast makes; so
 * the operator gives none, and the plan has a mark in its place until the key is known.
 */
import { isIPv4, isIPv6 } from "node:net";
import { addressFault, canonicalAddress, hostPort, isWithin } from "../../contract/address.ts";
import { isPublicKey } from "../../contract/near-key.ts";
import { type Fault, configFault as fault } from "./faults.ts";
import type { Settings } from "./schema.ts";

/** nearcore: MAX_PEER_ADDRS. */
export const mostPublicAddrs = 10;

interface PublicAddr {
  /** Another node that passes messages on to this one; null: this host's own. */
  readonly peer: string | null;
  readonly ip: string;
  readonly port: number;
}

/** `192.0.2.1:24567`, `[2001:db8::1]:24567`, either with `ed25519:…@` before it; null when it is neither. */
export function publicAddrFrom(text: string): PublicAddr | null {
  const match = /^(?:(ed25519:[1-9A-HJ-NP-Za-km-z]{32,44})@)?(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, peer = null, ip6, ip4, digits] = match;
  const port = Number(digits);
  if (port < 1 || port > 65_535 || (peer !== null && !isPublicKey(peer))) return null;
  if (ip6 !== undefined)
    return isIPv6(ip6) && addressFault(ip6) === null ? { peer, ip: canonicalAddress(ip6), port } : null;
  return ip4 !== undefined && isIPv4(ip4) ? { peer, ip: ip4, port } : null;
}

/** The one spelling of a sound one. */
export function canonicalPublicAddr(text: string): string {
  const { peer, ip, port } = read(text);
  return `${peer === null ? "" : `${peer}@`}${hostPort(ip, port)}`;
}

const read = (text: string) => publicAddrFrom(text) as PublicAddr;

export function publicAddrFaults(settings: Pick<Settings, "network" | "hosts" | "neard">): Fault[] {
  const mayBePrivate = settings.network === "localnet" || allowsPrivate(settings.neard.config);
  return [
    ...settings.hosts.flatMap((host) => [
      ...roleFaults(host),
      ...nodeFaults(host),
      ...ipFaults(host, mayBePrivate),
      ...portFaults(host, settings.neard.networkPort),
    ]),
    ...sharedFaults(settings.hosts),
  ];
}

type Host = Settings["hosts"][number];

function roleFaults({ name, roles, publicAddrs }: Host): Fault[] {
  if (publicAddrs.length === 0 || roles.includes("neard")) return [];
  return [fault(`holdfast:hosts: ${name} has publicAddrs, but no neard`, "Remove them; they are neard's.")];
}

function nodeFaults({ name, publicAddrs }: Host): Fault[] {
  const several = [...Map.groupBy(publicAddrs, (text) => read(text).peer)].filter(([, of]) => of.length > 1);
  return several.map(([peer, of]) =>
    fault(
      `holdfast:hosts: publicAddrs of ${name} has ${of.length} addresses of ${peer ?? "the host's own neard"} (${of.join(", ")})`,
      "neard takes one address for each node: keep the one that the others shall dial.",
    ),
  );
}

const nobodys = ["0.0.0.0", "::"];
/** As neard has it: unique local IPv6 addresses pass. */
const privates = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "::1"];

function ipFaults({ name, publicAddrs }: Host, mayBePrivate: boolean): Fault[] {
  return publicAddrs.flatMap((text) => {
    const { ip } = read(text);
    if (!isWithin(nobodys, ip) && (mayBePrivate || !isWithin(privates, ip))) return [];
    return [
      fault(
        `holdfast:hosts: publicAddrs of ${name} has ${text}, which other validators cannot dial`,
        "Give the address that the host has on the public network.",
      ),
    ];
  });
}

function portFaults({ name, publicAddrs }: Host, networkPort: number): Fault[] {
  const others = publicAddrs.filter((text) => read(text).peer === null && read(text).port !== networkPort);
  return others.map((text) =>
    fault(
      `holdfast:hosts: publicAddrs of ${name} has ${text}, but its neard listens on port ${networkPort}, and tells nobody of another`,
      "Give that port; where a router translates it, translate it to the same one, or set holdfast:neard.networkPort.",
    ),
  );
}

function allowsPrivate(config: Settings["neard"]["config"]): boolean {
  const network = config.network as { readonly allow_private_ip_in_public_addrs?: unknown } | null | undefined;
  return network?.allow_private_ip_in_public_addrs === true;
}

/** A node that passes messages on may do that for several hosts; a host's own address is no other's. */
function sharedFaults(hosts: readonly Host[]): Fault[] {
  const own = hosts.flatMap(({ name, publicAddrs }) =>
    publicAddrs.map(read).flatMap(({ peer, ip, port }) => (peer === null ? [{ name, at: `${ip} port ${port}` }] : [])),
  );
  return [...Map.groupBy(own, ({ at }) => at)]
    .filter(([, of]) => new Set(of.map(({ name }) => name)).size > 1)
    .map(([at, of]) =>
      fault(
        `holdfast:hosts: ${of.map(({ name }) => name).join(" and ")} have the same address in publicAddrs: ${at}`,
        "Give every host its own: whoever dials it expects one node there.",
      ),
    );
}
