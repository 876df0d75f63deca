/** The concern `agent`: holdfastd as the failover agent, its configuration, its credentials, its unit. */
import { createHash } from "node:crypto";
import { hostPort } from "../../contract/address.ts";
import type { AgentFencing, PowerDeviceConfig } from "../../contract/fencing.ts";
import { bundlePath, credentials, ownConfigPath, paths, ports, powerUnit, units, users } from "../../contract/paths.ts";
import { type AgentConfig, agentConfigSchema, agentConfigShape } from "../../contract/wire/agent-config.ts";
import type { HostSpecInput } from "../../contract/wire/host-spec.ts";
import { type Host, hasRole, type Topology } from "../config/topology.ts";
import { askedServers } from "./asked-servers.ts";
import { hardening } from "./hardening.ts";
import { keyPlaceFile } from "./key-place.ts";
import { notifySocketFile, withNotifySocket } from "./notify-socket.ts";
import { powerUnitFiles } from "./power-units.ts";
import { clusterSecrets, hostSecret } from "./secret-names.ts";
import { credentialPath, loadCredential, shortJsonFile, textFile, unitFile } from "./spec-parts.ts";
import type { HostArtifacts } from "./uploads.ts";
import { watchdogSec } from "./watchdog.ts";

/**
 * The agent is to stay below 90 MB and 1 % of a core (issue 3). What it keeps is a few hundred kilobytes: V8 by itself
 * would let short-lived garbage grow to 16 MB before it looks, and would compile and keep code for speed that nothing
 * here needs. Measured on 2026-11-21, holder, beside the default's 99 MB: semi-spaces of 2 MB 83 MB and 1.24 %, of
 * 4 MB 82 MB and 1.16 %, without the optimizing compiler (Turbofan) 2 MB less and no more CPU. On 2026-11-30, without the
 * one before it either (Maglev): 12 MB less, and no more CPU; a key is read at the start as fast as with it.
 */
export const nodeOptions = "--max-old-space-size=32 --max-semi-space-size=4 --no-opt --no-maglev";

export function agentSpec(topology: Topology, host: Host, artifacts: HostArtifacts): HostSpecInput {
  const secrets: [credential: string, secret: string][] = [
    [credentials.consulToken, hostSecret(host.name, "consul-token")],
    [credentials.tlsKey, hostSecret(host.name, "tls-key")],
    ...(hasRole("neard")(host) ? [...validatorKeys(topology), ...fencingToken(topology)] : []),
  ];
  const names = secrets.map(([name]) => name);
  const power = powerUnitFiles(topology, host);
  const config = agentConfig(topology, host);
  const text = JSON.stringify(config);
  const own = ownConfigPath(createHash("sha256").update(text).digest("hex"));
  return {
    host: host.name,
    concern: "agent",
    files: [
      shortJsonFile(paths.agentConfig, config),
      textFile(own, [text]),
      notifySocketFile,
      // Its bundle and its configuration are those of this text: they are switched in one step, with the unit.
      unitFile(units.agent, [
        // The files are there already: `apply` runs on them. This is what makes another Node a restart.
        `# On Node ${artifacts.node.sha256}`,
        // Another authority is trusted since: Consul's concern brought it, and the agent has to read it.
        ...(topology.adopt === null ? [] : [`# Trusting also the authority of ${topology.adopt}`]),
        ...agentUnit(topology, host, names, { bundle: bundlePath(artifacts.holdfastd.sha256), config: own }),
      ]),
      ...power,
    ],
    credentials: [...secrets, ...(power.length === 0 ? [] : fencingSecret(topology))].map(([name, secret]) => ({
      name,
      secret,
    })),
    units: [
      {
        name: units.agent,
        // One host at a time, and the active one last; no key moves for it.
        disturbs: "agent",
        restartOn: [
          own,
          paths.withNotifySocket,
          paths.caCertificate,
          paths.hostCertificate,
          ...names.map(credentialPath),
        ],
      },
    ],
    healthy: ["agent"],
  };
}

function validatorKeys({ nextPublicKey }: Topology): [credential: string, secret: string][] {
  const own: [string, string] = [credentials.validatorKey, clusterSecrets.validatorKey];
  return nextPublicKey === null ? [own] : [own, [credentials.nextValidatorKey, clusterSecrets.nextValidatorKey]];
}

/** Of neard hosts alone: who has it can power off whatever is in its project. */
function fencingToken({ fencing, hosts }: Topology): [credential: string, secret: string][] {
  if (fencing.mode === "off" || !hosts.some(({ fence }) => fence?.device === "hcloud")) return [];
  return [[credentials.fencingToken, clusterSecrets.fencingToken]];
}

/** For the units of the fence commands alone; the agent does not read it. */
function fencingSecret({ fencing }: Topology): [credential: string, secret: string][] {
  return fencing.hasSecret ? [[credentials.fencingSecret, clusterSecrets.fencingSecret]] : [];
}

function fencingConfig({ fencing: { mode, skipWait }, hosts }: Topology): AgentFencing {
  const devices = hosts.filter(hasRole("neard")).flatMap(({ name, fence }): PowerDeviceConfig[] => {
    if (fence === null) return [];
    if (fence.device === "hcloud") return [{ host: name, ...fence }];
    return [{ host: name, device: fence.device, timeoutMs: fence.timeoutMs, unit: powerUnit(name) }];
  });
  return { mode, skipWait, devices };
}

/** What the agent on `host` knows. Checked here, so that no host is given what its agent would refuse. */
export function agentConfig(topology: Topology, host: Host): AgentConfig {
  const { asked, unasked } = askedServers(topology, host);
  return agentConfigSchema.parse({
    format: agentConfigShape.format,
    network: topology.network,
    account: topology.account,
    host: host.name,
    roles: [...host.roles],
    priority: host.priority,
    lease: topology.lease,
    peers: topology.hosts.filter(hasRole("neard")).map(({ name, priority }) => ({ host: name, priority })),
    consul: {
      datacenter: topology.consul.datacenter,
      urls: ["127.0.0.1", ...asked.map((server) => server.address)].map(
        (address) => `https://${hostPort(address, ports.consulHttps)}`,
      ),
      unasked: unasked.map((server) => server.address),
      caFile: paths.caCertificate,
      certFile: paths.hostCertificate,
    },
    http: { address: host.address, port: ports.agentHttp },
    ...(hasRole("neard")(host)
      ? {
          neard: {
            unit: units.neard,
            user: users.neard,
            rpcUrl: `http://127.0.0.1:${topology.neard.rpcPort}`,
            chainId: topology.neard.chainId,
            publicKey: topology.publicKey,
            ...(topology.nextPublicKey === null ? {} : { nextPublicKey: topology.nextPublicKey }),
            keyFile: paths.validatorKey,
            maxHeadAgeMs: topology.neard.maxHeadAgeMs,
            hungMs: topology.neard.hungMs,
            takeoverAddresses: topology.hosts
              .filter(hasRole("neard"))
              .flatMap(({ takeoverAddress }) => takeoverAddress ?? []),
            ...(topology.fencing.mode === "off" ? {} : { fencing: fencingConfig(topology) }),
          },
        }
      : {}),
  });
}

/** A lease's file is there only on a host that was active with another agent, one that had a neard. */
const endOldLease = `/bin/sh -c "test ! -e ${paths.leaseFile} || exec ${paths.holdfastd} expire --force --keep-fence"`;

/**
 * The agent is root, for it commands systemd and the kernel's packet filter; of root's powers it keeps
 * those that it uses: nft (NET_ADMIN), the key file's owner (CHOWN), neard's processes (KILL), and
 * files that belong to neard (DAC_OVERRIDE).
 */
function agentUnit(
  { lease }: Topology,
  host: Host,
  credentialNames: readonly string[],
  { bundle, config }: { readonly bundle: string; readonly config: string },
): string[] {
  const neard = hasRole("neard")(host);
  return [
    "[Unit]",
    "Description=holdfast: failover agent",
    "Wants=network-online.target",
    // Also means: at shutdown the agent goes first. It hands over while network, Consul, neard and rules still live.
    `After=network-online.target ${units.firewall} ${units.consul}${neard ? ` ${units.neard}` : ""}`,
    `RequiresMountsFor=${paths.opt} ${paths.etc}`,
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=notify",
    "NotifyAccess=main",
    // The key's directory, with owner and mode; outside the agent's own view of the files, in which it could not be made.
    // And where there is no neard any more: what an agent of before may have left, outside the few powers of this one.
    neard ? `ExecStartPre=-+/usr/bin/systemd-tmpfiles --create ${keyPlaceFile}` : `ExecStartPre=-+${endOldLease}`,
    `ExecStart=${withNotifySocket} ${paths.node} ${nodeOptions} ${bundle} run --config ${config}`,
    // However the agent ended: where its lease is over, neard dies and the key is erased.
    ...(neard ? [`ExecStopPost=${paths.node} --max-old-space-size=128 ${bundle} expire`] : []),
    "Restart=always",
    "RestartSec=200ms",
    // Shorter than the lease: an agent that hangs is replaced while the new one can still renew.
    `WatchdogSec=${watchdogSec(lease)}`,
    "WatchdogSignal=SIGKILL",
    "SyslogIdentifier=holdfastd",
    // What renews the lease must run before whatever else wants the processor, and be killed last.
    "Nice=-15",
    "CPUWeight=1000",
    "OOMScoreAdjust=-900",
    "TimeoutStartSec=30s",
    // What it has started, a transaction of nft's, say, ends with it and not before: it may have to hand over first.
    "KillMode=mixed",
    // Longer than a handover may take at shutdown (agent/run/last-orders.ts).
    "TimeoutStopSec=15s",
    ...credentialNames.map(loadCredential),
    "RuntimeDirectory=holdfast",
    "RuntimeDirectoryMode=0750",
    // The lease must outlive the process.
    "RuntimeDirectoryPreserve=yes",
    // Where it is missing the agent starts all the same, and says so.
    ...(neard ? [`ReadWritePaths=-${paths.keyDirectory}`] : []),
    ...hardening,
    `CapabilityBoundingSet=CAP_NET_ADMIN${neard ? " CAP_CHOWN CAP_KILL CAP_DAC_OVERRIDE" : ""}`,
    "ProtectControlGroups=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
    "SystemCallFilter=@system-service",
    "SystemCallErrorNumber=EPERM",
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ];
}
