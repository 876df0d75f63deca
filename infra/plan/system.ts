/** The concern `system`: what the other concerns stand on. Users, directories, firewall, kernel settings. */
import type { HostSpecInput } from "../../contract/host-spec.ts";
import { paths, units, users } from "../../contract/paths.ts";
import { type Host, hasRole, type Topology } from "../config/topology.ts";
import { firewallLines, firewallTable } from "./firewall.ts";
import { textFile, unitFile } from "./spec-parts.ts";

/** Has the key's directory made: at boot, and before an agent starts. */
export const keyPlaceFile = "/etc/tmpfiles.d/holdfast.conf";

const sysctlFile = "/etc/sysctl.d/60-holdfast.conf";

/** What neard warns about when it is otherwise (nearcore: scripts/set_kernel_params.sh). */
const neardKernelSettings: readonly [name: string, value: string][] = [
  ["net.core.rmem_max", "8388608"],
  ["net.core.wmem_max", "8388608"],
  ["net.ipv4.tcp_rmem", "4096 87380 8388608"],
  ["net.ipv4.tcp_wmem", "4096 16384 8388608"],
  ["net.ipv4.tcp_slow_start_after_idle", "0"],
  ["net.ipv4.tcp_congestion_control", "bbr"],
  ["net.core.default_qdisc", "fq"],
  ["net.ipv4.tcp_mtu_probing", "1"],
  ["net.ipv4.tcp_max_syn_backlog", "8096"],
];

export function systemSpec(topology: Topology, host: Host): HostSpecInput {
  const neard = hasRole("neard")(host);
  return {
    host: host.name,
    concern: "system",
    users: [
      { name: users.consul, home: paths.consulData },
      ...(neard ? [{ name: users.neard, home: paths.neardHome }] : []),
    ],
    directories: [
      { path: paths.etc, mode: "0755", owned: false },
      { path: paths.credentials, mode: "0700" },
      ...(neard ? [{ path: paths.keyDirectory, mode: "0750", group: users.neard }] : []),
    ],
    files: [
      textFile(paths.firewall, firewallLines(topology, host)),
      unitFile(units.firewall, [
        "[Unit]",
        "Description=holdfast: the host's own firewall",
        "Before=network-pre.target",
        "Wants=network-pre.target",
        "",
        "[Service]",
        "Type=oneshot",
        "RemainAfterExit=yes",
        `ExecStart=/usr/sbin/nft -f ${paths.firewall}`,
        `ExecReload=/usr/sbin/nft -f ${paths.firewall}`,
        `ExecStop=/usr/sbin/nft delete table ${firewallTable}`,
        "",
        "[Install]",
        "WantedBy=multi-user.target",
      ]),
      ...(neard
        ? [
            // A leading "-" means: where the kernel refuses or lacks it (a container), go on.
            textFile(
              sysctlFile,
              neardKernelSettings.map(([name, value]) => `-${name} = ${value}`),
            ),
            // The key's directory is on tmpfs: it has to be made again at every boot.
            textFile(keyPlaceFile, [`d ${paths.keyDirectory} 0750 root ${users.neard} -`]),
          ]
        : []),
    ],
    commands: neard ? [{ argv: ["/usr/lib/systemd/systemd-sysctl", sysctlFile], on: [sysctlFile] }] : [],
    units: [{ name: units.firewall, reloadOn: [paths.firewall] }],
  };
}
