/**
 * Consul's configuration on one host: a server where the host has the role `consul`, a client agent
 * elsewhere. Two files, for a reason: consul.json needs a restart, join.json (who to join, how many
 * servers to expect) only matters at the next start, so that a host that comes or goes restarts nobody.
 */
import { hostPort } from "../../contract/address.ts";
import { credentials, paths, ports, units } from "../../contract/paths.ts";
import { type Host, hasRole, type Topology } from "../config/topology.ts";

/** Autopilot as it must be for the lock's sake: it never deregisters a server (and with it a session) by itself. */
export const autopilot = {
  CleanupDeadServers: false,
  LastContactThreshold: "200ms",
  MaxTrailingLogs: 250,
  MinQuorum: 3,
  ServerStabilizationTime: "10s",
} as const;

/** A certificate with this name may speak as a server (Consul: verify_server_hostname). */
export function serverName(datacenter: string): string {
  return `server.${datacenter}.consul`;
}

export function consulConfig(topology: Topology, host: Host): Record<string, unknown> {
  const server = hasRole("consul")(host);
  return {
    datacenter: topology.consul.datacenter,
    node_name: host.name,
    node_meta: { roles: host.roles.join(","), ...(host.zone === null ? {} : { zone: host.zone }) },
    server,
    data_dir: paths.consulData,
    log_level: "INFO",
    bind_addr: host.address,
    advertise_addr: host.address,
    addresses: { https: `127.0.0.1 ${host.address}` },
    ports: {
      server: ports.consulServerRpc,
      serf_lan: ports.consulGossip,
      https: ports.consulHttps,
      http: -1,
      grpc: -1,
      grpc_tls: -1,
      dns: -1,
      serf_wan: -1,
    },
    tls: {
      defaults: {
        ca_file: paths.caCertificate,
        cert_file: paths.hostCertificate,
        key_file: `/run/credentials/${units.consul}/${credentials.tlsKey}`,
        verify_incoming: true,
        verify_outgoing: true,
        tls_min_version: "TLSv1_2",
      },
      internal_rpc: { verify_server_hostname: true },
    },
    acl: { enabled: true, default_policy: "deny", down_policy: "extend-cache", enable_token_persistence: false },
    // The gossip key comes with the credential, at every start: no copy of it in the data directory.
    disable_keyring_file: true,
    // A restart must not deregister the host: its session, and with it the lease, would go too.
    leave_on_terminate: false,
    skip_leave_on_interrupt: true,
    disable_update_check: true,
    disable_anonymous_signature: true,
    performance: { raft_multiplier: 1 },
    ...(server
      ? {
          autopilot: {
            cleanup_dead_servers: autopilot.CleanupDeadServers,
            last_contact_threshold: autopilot.LastContactThreshold,
            max_trailing_logs: autopilot.MaxTrailingLogs,
            min_quorum: autopilot.MinQuorum,
            server_stabilization_time: autopilot.ServerStabilizationTime,
          },
        }
      : {}),
  };
}

export function consulJoin(topology: Topology, host: Host): Record<string, unknown> {
  const servers = topology.hosts.filter(hasRole("consul"));
  return {
    // Without the host itself: joining oneself succeeds, and ends the attempts.
    retry_join: servers
      .filter((server) => server.name !== host.name)
      .map((server) => hostPort(server.address, ports.consulGossip)),
    retry_interval: "1s",
    ...(hasRole("consul")(host) ? { bootstrap_expect: servers.length } : {}),
  };
}
