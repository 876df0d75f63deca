/**
 * Sockets that nobody owns any more and that still have data to send: what a killed neard leaves.
 * While the fence's table stands they cannot get anything out; before it goes they must be gone.
 *
 * The kernel does not say whose an orphan was (before Linux 6.16), so all count but Consul's, which anybody can tell by
 * their ends: after the loss of a host every other one has some to it, for two minutes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { canonicalAddress } from "../../contract/address.ts";
import { ports } from "../../contract/paths.ts";
import { type TcpSocket, tcpSockets } from "../../host/system/sockets.ts";

/** TCP states in which the kernel goes on sending for a process that is gone (include/net/tcp_states.h). */
const sendingStates = new Set(["04", "09", "0B"]); // FIN_WAIT1, LAST_ACK, CLOSING

const consulPorts: ReadonlySet<number> = new Set([ports.consulServerRpc, ports.consulGossip, ports.consulHttps]);

/**
 * How many of these are such sockets.
 * @param servers addresses of the cluster's Consul servers
 */
export function countOrphans(sockets: readonly TcpSocket[], servers: readonly string[]): number {
  const known = new Set(servers.map(canonicalAddress));
  return sockets.filter(({ local, remote, state, unsent, inode }) => {
    if (!sendingStates.has(state) || inode !== "0" || unsent === 0) return false;
    if (local.address === "127.0.0.1" || local.address === "::1") return false;
    const isServer = known.has(remote.address);
    return !consulPorts.has(local.port) && !(isServer && consulPorts.has(remote.port));
  }).length;
}

/** @throws Error when some are left after `withinMs`. */
export async function orphansGone(withinMs: number, servers: readonly string[]): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    const left = countOrphans(tcpSockets(), servers);
    if (left === 0) return;
    if (performance.now() > end) throw new Error(`${left} connections of ended processes still have data to send`);
    await sleep(100);
  }
}
