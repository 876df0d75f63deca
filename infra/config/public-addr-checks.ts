/**
 * What neard would refuse at its start of `hosts[].publicAddrs` is refused here (nearcore: chain/network/src/config.rs): a
 * private address on a public network, two addresses for one node. So is what it would take and then never send around: it
 * dials its own address first, and believes in it only with the port that it listens on (nearcore: peer_actor.rs, tier1.rs).
 */
import { isWithin } from "../../contract/address.ts";
import { type Fault, configFault as fault } from "./faults.ts";
import { soundPublicAddr as read } from "./public-addrs.ts";
import type { Settings } from "./schema.ts";

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
