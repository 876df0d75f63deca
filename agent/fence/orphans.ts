/**
 * Sockets that nobody owns any more and that still have data to send: what a killed neard leaves.
 * While the fence's table stands they cannot get anything out; before it goes they must be gone.
 *
 * The kernel does not say whose an orphan was (before Linux 6.16), so all count but Consul's, which anybody can tell by
 * their ends: after the loss of a host every other one has some to it, for two minutes.
 */
import { readFileSync } from "node:fs";
import { BlockList, isIPv4 } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ports } from "../../contract/paths.ts";

/** TCP states in which the kernel goes on sending for a process that is gone (include/net/tcp_states.h). */
const sendingStates = new Set(["04", "09", "0B"]); // FIN_WAIT1, LAST_ACK, CLOSING

const consulPorts: ReadonlySet<number> = new Set([ports.consulServerRpc, ports.consulGossip, ports.consulHttps]);

/**
 * How many such sockets a listing in the form of /proc/net/tcp has (Linux Documentation/networking/proc_net_tcp).
 * @param servers addresses of the cluster's Consul servers
 */
export function countOrphans(listing: string, servers: readonly string[]): number {
  const known = new BlockList();
  for (const server of servers) known.addAddress(server, family(server));
  return listing
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, here = "", there = "", state = "", queues = "", , , , , inode = ""]) => {
      const [unsent = "0"] = queues.split(":");
      if (!sendingStates.has(state) || inode !== "0" || Number.parseInt(unsent, 16) === 0) return false;
      const [local, remote] = [endOf(here), endOf(there)];
      if (local.address === "127.0.0.1" || local.address === "0000:0000:0000:0000:0000:0000:0000:0001") return false;
      const isServer = known.check(remote.address, family(remote.address));
      return !consulPorts.has(local.port) && !(isServer && consulPorts.has(remote.port));
    }).length;
}

/** `0B054D0A:206C` is 10.77.5.11:8300: words of 32 bits as they lie in the memory of a little-endian machine. */
function endOf(text: string): { address: string; port: number } {
  const [words = "", port = ""] = text.split(":");
  const bytes = Buffer.from(words, "hex").swap32();
  const address = bytes.length === 4 ? bytes.join(".") : (bytes.toString("hex").match(/.{4}/g) ?? []).join(":");
  return { address, port: Number.parseInt(port, 16) };
}

const family = (address: string) => (isIPv4(address) ? "ipv4" : "ipv6");

/** @throws Error when some are left after `withinMs`. */
export async function orphansGone(withinMs: number, servers: readonly string[]): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    const left = ["/proc/net/tcp", "/proc/net/tcp6"].reduce(
      (sum, file) => sum + countOrphans(readFileSync(file, "latin1"), servers),
      0,
    );
    if (left === 0) return;
    if (performance.now() > end) throw new Error(`${left} connections of ended processes still have data to send`);
    await sleep(100);
  }
}
