/** The concern `consul`: Consul on every host, its certificate, its unit. */
import { posix } from "node:path";
import { credentials, paths, units, users } from "../../contract/paths.ts";
import type { HostSpecInput } from "../../contract/wire/host-spec.ts";
import { type Host, hasRole, type Topology } from "../config/topology.ts";
import { consulConfig, consulJoin } from "./consul-config.ts";
import { unprivileged } from "./hardening.ts";
import { clusterSecrets, hostSecret } from "./secret-names.ts";
import { credentialPath, jsonFile, loadCredential, serviceHead, unitFile } from "./spec-parts.ts";
import { type HostArtifacts, uploadPath } from "./uploads.ts";

const configFile = `${paths.consulConfig}/consul.json`;
const joinFile = `${paths.consulConfig}/join.json`;

export function consulSpec(topology: Topology, host: Host, artifacts: HostArtifacts): HostSpecInput {
  return {
    host: host.name,
    concern: "consul",
    directories: [
      { path: paths.consulConfig, mode: "0755" },
      // Goes when its files have gone: an owned one would be taken away, files and all, by a release that does not name it.
      { path: posix.dirname(paths.caCertificate), mode: "0755", owned: false },
      { path: paths.consulData, mode: "0700", owner: users.consul, group: users.consul },
    ],
    artifacts: [
      {
        name: "consul",
        upload: uploadPath(artifacts.consul),
        path: paths.consul,
        mode: "0755",
        sha256: artifacts.consul.sha256,
      },
    ],
    files: [
      jsonFile(configFile, consulConfig(topology, host)),
      jsonFile(joinFile, consulJoin(topology, host)),
      unitFile(units.consul, consulUnit()),
    ],
    secretFiles: [
      { path: paths.caCertificate, mode: "0644", secret: clusterSecrets.caCertificate },
      { path: paths.hostCertificate, mode: "0644", secret: hostSecret(host.name, "certificate") },
    ],
    credentials: [
      { name: credentials.tlsKey, secret: hostSecret(host.name, "tls-key") },
      { name: credentials.consulSecrets, secret: hostSecret(host.name, "consul-secrets") },
      // Not for Consul, but for `apply`, which asks it: the agent, who has it too, comes last.
      { name: credentials.consulToken, secret: hostSecret(host.name, "consul-token") },
    ],
    units: [
      {
        name: units.consul,
        restartOn: [
          configFile,
          paths.consul,
          paths.caCertificate,
          paths.hostCertificate,
          credentialPath(credentials.tlsKey),
          credentialPath(credentials.consulSecrets),
        ],
        disturbs: "consul",
      },
    ],
    healthy: [hasRole("consul")(host) ? "consul-voter" : "consul-client"],
  };
}

function consulUnit(): string[] {
  return [
    ...serviceHead("Consul", [paths.consulData, paths.opt, paths.etc]),
    // Not notify: Consul reports ready only once it has joined, and after a power loss nobody is there yet.
    "Type=exec",
    `User=${users.consul}`,
    `Group=${users.consul}`,
    `ExecStart=${paths.consul} agent -config-format=json -config-dir=${paths.consulConfig} -config-file=\${CREDENTIALS_DIRECTORY}/${credentials.consulSecrets}`,
    "ExecReload=/bin/kill -HUP $MAINPID",
    "Restart=always",
    "RestartSec=1s",
    "TimeoutStopSec=20s",
    // So does Consul end when it is told to by SIGTERM: no failure.
    "SuccessExitStatus=1",
    "LimitNOFILE=65536",
    loadCredential(credentials.tlsKey),
    loadCredential(credentials.consulSecrets),
    `ReadWritePaths=${paths.consulData}`,
    ...unprivileged,
    // It reads the number of processors and the host's memory there.
    "ProcSubset=all",
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ];
}
