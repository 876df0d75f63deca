/**
 * The concern `neard`: binary, configuration, node key and unit. Never the validator key: that is the
 * agent's to bring and to take away, and a neard that starts finds none (ExecStartPre).
 */

import { paths, units, users } from "../../contract/paths.ts";
import type { HostSpecInput } from "../../contract/wire/host-spec.ts";
import type { Host, Topology } from "../config/topology.ts";
import { unprivileged } from "./hardening.ts";
import { keyPlace } from "./key-place.ts";
import { neardConfig } from "./neard-config.ts";
import { hostSecret } from "./secret-names.ts";
import { jsonFile, serviceHead, unitFile } from "./spec-parts.ts";
import { type HostArtifacts, uploadPath } from "./uploads.ts";

const home = paths.neardHome;
const configFile = `${home}/config.json`;
const logConfigFile = `${home}/log_config.json`;
const nodeKeyFile = `${home}/node_key.json`;
const genesisFile = `${home}/genesis.json`;

/** How long a node may take to catch up. A fresh one on a public network syncs for hours. */
export const syncWithinMs = { localnet: 120_000, testnet: 12 * 3_600_000, mainnet: 12 * 3_600_000 } as const;

export function neardSpec(topology: Topology, host: Host, artifacts: HostArtifacts): HostSpecInput {
  const ownership = { owner: users.neard, group: users.neard };
  const { genesis, neard } = artifacts;
  return {
    host: host.name,
    concern: "neard",
    users: keyPlace.users,
    directories: [{ path: home, mode: "0750", ...ownership }, ...keyPlace.directories],
    artifacts: [
      { name: "neard", upload: uploadPath(neard), path: paths.neard, mode: "0755", sha256: neard.sha256 },
      ...(genesis === undefined
        ? []
        : [{ name: "genesis", upload: uploadPath(genesis), path: genesisFile, mode: "0644", sha256: genesis.sha256 }]),
    ],
    files: [
      jsonFile(configFile, neardConfig(topology, host), { mode: "0640", ...ownership }),
      // neard reads it again at every SIGHUP, and a broken one makes it refuse the key: so it is ours.
      jsonFile(logConfigFile, {}, { mode: "0640", ...ownership }),
      unitFile(units.neard, neardUnit()),
      ...keyPlace.files,
    ],
    secretFiles: [{ path: nodeKeyFile, mode: "0600", ...ownership, secret: hostSecret(host.name, "node-key") }],
    commands: genesis === undefined ? [{ argv: initArgv(topology), on: [paths.neard] }] : [],
    units: [
      {
        name: units.neard,
        restartOn: [
          configFile,
          logConfigFile,
          nodeKeyFile,
          paths.neard,
          ...(genesis === undefined ? [] : [genesisFile]),
        ],
        disturbs: "neard",
      },
    ],
    healthy: ["neard-synced"],
    healthyWithinMs: syncWithinMs[topology.network],
  };
}

/** `neard init` refuses a home that has a config.json already, so it works in a folder of its own. */
function initArgv({ neard, network }: Topology): string[] {
  const init = `${paths.neard} --home "$work" init --chain-id ${neard.chainId}`;
  const download = network === "testnet" ? " --download-genesis" : "";
  return [
    "/bin/sh",
    "-euc",
    [
      `test ! -e ${genesisFile} || exit 0`,
      `work=$(mktemp -d ${home}/init.XXXXXX)`,
      `trap 'rm -rf "$work"' EXIT`,
      `${init}${download}`,
      `chown ${users.neard}:${users.neard} "$work/genesis.json"`,
      `mv "$work/genesis.json" ${genesisFile}`,
    ].join("\n"),
  ];
}

function neardUnit(): string[] {
  return [
    // On a host whose home is a mount point it must also be one: converge/neard-mount.ts.
    ...serviceHead("neard, the NEAR node", [home, `${home}/data`, paths.opt]),
    "Type=exec",
    `User=${users.neard}`,
    `Group=${users.neard}`,
    // Whatever ended the one before: no neard starts as a validator. Only the agent loads the key.
    `ExecStartPre=+/bin/rm -f ${paths.validatorKey}`,
    `ExecStart=${paths.neard} --home ${home} run`,
    "Restart=always",
    "RestartSec=1s",
    "KillMode=control-group",
    "TimeoutStopSec=60s",
    // neard raises its limit to 65535, and exits where it may not.
    "LimitNOFILE=1048576",
    `ReadWritePaths=${home}`,
    ...unprivileged,
    "ProcSubset=all",
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ];
}
