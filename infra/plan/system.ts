/** The concern `system`: what the other concerns stand on. Users, directories, firewall, kernel settings. */
import { posix } from "node:path";
import { firewallTable, paths, units, users } from "../../contract/paths.ts";
import type { HostSpecInput } from "../../contract/wire/host-spec.ts";
import { type Host, hasRole, type Topology } from "../config/topology.ts";
import { firewallLines, firewallUnit } from "./firewall.ts";
import { keyPlace } from "./key-place.ts";
import { textFile, unitFile } from "./spec-parts.ts";

const sysctlFile = "/etc/sysctl.d/60-holdfast.conf";

const sysctlCommand = {
  argv: ["/usr/lib/systemd/systemd-sysctl", sysctlFile],
  on: [sysctlFile],
  settings: sysctlFile,
};

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

/**
 * Ubuntu's needrestart, with its defaults, restarts by itself whatever uses a library that was updated: neard and its
 * agent on all hosts in the same minute. A zero: they are named to who asks, and left alone.
 */
const needrestartFolder = "/etc/needrestart";
const needrestartFile = `${needrestartFolder}/conf.d/holdfast.conf`;
const needrestartLines = [
  "# Made by holdfast; changes are overwritten.",
  ...["^holdfast", `^${units.neard.replace(".", "\\.")}$`].map((name) => `$nrconf{override_rc}{qr(${name})} = 0;`),
];

export function systemSpec(topology: Topology, host: Host): HostSpecInput {
  const neard = hasRole("neard")(host);
  return {
    host: host.name,
    concern: "system",
    users: [{ name: users.consul, home: paths.consulData }, ...(neard ? keyPlace.users : [])],
    directories: [
      // By name and mode, every one that others than root have to enter: with a umask of 077 none is so by itself.
      { path: paths.opt, mode: "0755", owned: false },
      { path: posix.dirname(paths.node), mode: "0755", owned: false },
      { path: paths.lib, mode: "0755", owned: false },
      { path: paths.etc, mode: "0755", owned: false },
      { path: paths.credentials, mode: "0700" },
      // They are needrestart's, which may come later.
      { path: needrestartFolder, mode: "0755", owned: false },
      { path: `${needrestartFolder}/conf.d`, mode: "0755", owned: false },
      ...(neard ? keyPlace.directories : []),
    ],
    files: [
      textFile(paths.firewall, firewallLines(topology, host)),
      unitFile(units.firewall, firewallUnit),
      textFile(needrestartFile, needrestartLines),
      ...(neard
        ? [
            // A leading "-" means: where the kernel refuses or lacks it (a container), go on.
            textFile(
              sysctlFile,
              neardKernelSettings.map(([name, value]) => `-${name} = ${value}`),
            ),
            ...keyPlace.files,
          ]
        : []),
    ],
    commands: neard ? [sysctlCommand] : [],
    units: [
      {
        name: units.firewall,
        reloadOn: [paths.firewall],
        nftTable: { table: `inet ${firewallTable}`, file: paths.firewall },
      },
    ],
  };
}
