/**
 * The host's own firewall: who may open a connection to it. Consul's ports are for the cluster alone,
 * neard's peers may come from anywhere, its RPC listens on loopback only.
 *
 * The file replaces its table in one transaction, so there is no moment without rules, and a file that
 * does not load leaves the old rules standing. It never touches anybody else's tables.
 * Not here: the fence. That is a table of the agent's own, and filters what neard sends.
 */
import { familyOf } from "../../contract/address.ts";
import { firewallTable, paths, ports } from "../../contract/paths.ts";
import { type Host, hasRole, isAtCloud, type Topology } from "../config/topology.ts";

const table = `inet ${firewallTable}`;

/**
 * What belongs to no connection is answered with a reset, as a host without a firewall does. A neard's peers hold on to
 * the connections of a host that lost power, and to no others of that account, until something says that they are gone
 * (docs/security.md). The last rule, for when this file is loaded for the first time the kernel has not seen the
 * beginning of any connection, SSH's included.
 */
const farewell = "ct state new tcp flags & syn == 0 reject with tcp reset";

/** Lines of the nft file of one host. */
export function firewallLines(topology: Topology, host: Host): string[] {
  const cluster = topology.hosts.map((member) => member.address);
  const rules = [
    "ct state established,related accept",
    "ct state invalid drop",
    'iif "lo" accept',
    // ICMP and ICMPv6, by number: a small system has no /etc/protocols.
    "meta l4proto { 1, 58 } accept",
    // Answers to DHCPv6, which come from an address of their own.
    "ip6 saddr fe80::/10 udp dport 546 accept",
    ...acceptFrom(topology.firewall.ssh, `tcp dport ${host.sshdPort}`),
    ...acceptFrom(cluster, `tcp dport { ${consulTcpPorts(host).join(", ")} }`),
    ...acceptFrom(cluster, `udp dport ${ports.consulGossip}`),
    ...acceptFrom([...cluster, ...topology.firewall.monitoring], `tcp dport ${ports.agentHttp}`),
    ...(hasRole("neard")(host) ? [`tcp dport ${topology.neard.networkPort} accept`, farewell] : []),
  ];
  return [
    "# Replaces the whole table at once; see infra/plan/firewall.ts.",
    `table ${table}`,
    `delete table ${table}`,
    `table ${table} {`,
    "  chain input {",
    "    type filter hook input priority filter; policy drop;",
    ...rules.map((rule) => `    ${rule}`),
    "  }",
    ...(isAtCloud(host) ? metadataForRoot : []),
    "}",
  ];
}

/** The metadata service tells a server's user data, and with it the private SSH host key, to whoever asks. */
const metadataForRoot = [
  "  chain output {",
  "    type filter hook output priority filter; policy accept;",
  ...["ip daddr 169.254.169.254", "ip6 daddr fe80::a9fe:a9fe"].map((it) => `    ${it} meta skuid != 0 reject`),
  "  }",
];

function consulTcpPorts(host: Host): number[] {
  const everywhere = [ports.consulGossip, ports.consulHttps];
  return hasRole("consul")(host) ? [ports.consulServerRpc, ...everywhere] : everywhere;
}

/** One rule for each address family among `blocks`. */
function acceptFrom(blocks: readonly string[], match: string): string[] {
  return (["ip", "ip6"] as const).flatMap((family) => {
    const sources = [
      ...new Set(blocks.filter((block) => familyOf(block) === (family === "ip" ? "ipv4" : "ipv6"))),
    ].toSorted();
    if (sources.length === 0) return [];
    // A set may not hold overlapping blocks, and everything overlaps with "all".
    if (sources.some((block) => block.endsWith("/0")))
      return [`meta nfproto ${family === "ip" ? "ipv4" : "ipv6"} ${match} accept`];
    return sources.map((source) => `${family} saddr ${source} ${match} accept`);
  });
}

/**
 * Its unit. Others' `flush ruleset` takes our tables along: Debian's own nftables.service begins with one whenever it
 * starts or reloads, and stops with one. So ours comes after it and does again what it does. It also goes before it
 * at shutdown, and whatever is behind our firewall or our fence goes before that: no neard meets the flush alive.
 * What no unit does (`nft flush ruleset` by hand) the agent mends, see agent/firewall/.
 */
export const firewallUnit: readonly string[] = [
  "[Unit]",
  "Description=holdfast: the host's own firewall",
  "Before=network-pre.target",
  "Wants=network-pre.target",
  "After=nftables.service",
  "PartOf=nftables.service",
  "ReloadPropagatedFrom=nftables.service",
  "",
  "[Service]",
  "Type=oneshot",
  "RemainAfterExit=yes",
  `ExecStart=/usr/sbin/nft -f ${paths.firewall}`,
  `ExecReload=/usr/sbin/nft -f ${paths.firewall}`,
  // Whoever flushed everything has taken it already.
  `ExecStop=-/usr/sbin/nft delete table ${table}`,
  "",
  "[Install]",
  "WantedBy=multi-user.target",
];
