/**
 * What is different on a host whose systemd cannot unseal by itself (before 250). The plan is the same for
 * every host; here a spec is fitted to such a one before it is compared with the host, stored, or carried
 * out. Pure.
 *
 * Idea: `holdfastd unseal` unseals at boot what `own-seal.ts` sealed, onto a ramfs that only root can enter
 * and that is never swapped. From there systemd gives it to the units, with the line for clear credentials.
 * Awkward case: the host gets a newer systemd. Until the last concern is sealed the new way, the others load
 * from memory; so each that does names the units for it, and they go with the last.
 */

import { paths, units } from "../contract/paths.ts";
import type { HostSpec } from "../contract/wire/host-spec.ts";

/**
 * `holdfastd unseal` could not unseal all. Its unit counts as started nonetheless: an apply of the concern
 * `system` waits for it, and the one that seals the damaged credential anew comes after that.
 */
export const exitNotAllUnsealed = 4;

/** Where the clear text of the credential `name` is while such a host runs. */
export function unsealedPath(name: string): string {
  return `${paths.unsealed}/${name}`;
}

/** The spec for a host without systemd-creds. What needs no unsealing stays as it is. */
export function fitToOldSystemd(spec: HostSpec): HostSpec {
  const files = spec.files.map((file) => ({ ...file, lines: unitLines(file.lines) }));
  // The concern system comes first, and with it the memory that the credentials of the others need.
  if (spec.concern !== "system" && spec.credentials.length === 0) return spec;
  return {
    ...spec,
    files: [...files, unitFile(units.unsealedMount, mountUnit), unitFile(units.unseal, unsealUnit)],
    units: [
      { name: units.unsealedMount, restartOn: [], reloadOn: [], disturbs: "nothing" },
      { name: units.unseal, restartOn: [], reloadOn: [], disturbs: "nothing" },
      ...spec.units,
    ],
  };
}

const sealedLine = /^LoadCredentialEncrypted=([^:]+):.*$/;

function unitLines(lines: readonly string[]): string[] {
  if (!lines.some((line) => sealedLine.test(line))) return [...lines];
  return lines.flatMap((line) => {
    if (line === "[Unit]") return [line, ...afterUnsealing];
    return line.replace(sealedLine, (_, name: string) => `LoadCredential=${name}:${unsealedPath(name)}`);
  });
}

/**
 * Not Requires=: that would stop the agent and Consul whenever the unsealing is restarted. A unit whose
 * credential is missing does not start, its Restart= tries again, and each try unseals again too.
 */
const afterUnsealing = [`Wants=${units.unseal}`, `After=${units.unseal}`];

function unitFile(name: string, lines: readonly string[]): HostSpec["files"][number] {
  return {
    path: `/etc/systemd/system/${name}`,
    mode: "0644",
    owner: "root",
    group: "root",
    lines: ["# Made by holdfast; changes are overwritten.", ...lines],
  };
}

const mountUnit = [
  "[Unit]",
  "Description=holdfast: memory for unsealed credentials, never swapped",
  "",
  "[Mount]",
  "What=ramfs",
  `Where=${paths.unsealed}`,
  "Type=ramfs",
  "Options=mode=0700,nosuid,nodev,noexec",
];

const unsealUnit = [
  "[Unit]",
  "Description=holdfast: unseal the credentials",
  `RequiresMountsFor=${paths.unsealed} ${paths.credentials} ${paths.state} ${paths.opt}`,
  "",
  "[Service]",
  "Type=oneshot",
  "RemainAfterExit=yes",
  `ExecStart=${paths.holdfastd} unseal`,
  `SuccessExitStatus=${exitNotAllUnsealed}`,
  `ReadWritePaths=${paths.unsealed}`,
  "CapabilityBoundingSet=",
  "NoNewPrivileges=yes",
  "LimitCORE=0",
  "MemorySwapMax=0",
  "UMask=0077",
  "ProtectSystem=strict",
  "ProtectHome=yes",
  "ProtectClock=yes",
  "ProtectControlGroups=yes",
  "ProtectHostname=yes",
  "ProtectKernelLogs=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelTunables=yes",
  "PrivateTmp=yes",
  "PrivateDevices=yes",
  "PrivateNetwork=yes",
  "RestrictAddressFamilies=AF_UNIX",
  "RestrictNamespaces=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "LockPersonality=yes",
  "SystemCallArchitectures=native",
  "SystemCallFilter=@system-service",
  "SystemCallErrorNumber=EPERM",
  "",
  "[Install]",
  "WantedBy=multi-user.target",
];
