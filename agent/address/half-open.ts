/**
 * Ends the connections that peers still hold to a host that is dark, from the host that answers for its address.
 *
 * A connection attempt between the very same two ends makes a peer's kernel say where the old one stands, and that
 * answer, to a host that knows of no such connection, is answered with a reset that fits (RFC 9293, 3.5.1: the recovery
 * of half-open connections). So no peer has to speak first: it would repeat what was lost only 6 or 13 s later.
 * Awkward case: a peer that dialled the dark host's neard. This host's own neard listens on that port, so the attempt
 * leaves by another one and is given the old one's number on its way out.
 */
import { connect } from "node:net";
import { canonicalAddress, familyOf, hostPort } from "../../contract/address.ts";
import { standInTable } from "../../contract/paths.ts";
import type { Connection } from "../../contract/wire/notes.ts";
import { run } from "../../host/system/run.ts";
import type { TcpSocket } from "../../host/system/sockets.ts";

/** More than a validator's neard has by far; the rest would only make the note large. */
const maxConnections = 400;
const established = "01";

/** Established connections of the user `uid` from `address` to other machines, in a fixed order. */
export function connectionsOf(sockets: readonly TcpSocket[], uid: number, address: string): Connection[] {
  const here = canonicalAddress(address);
  return sockets
    .filter((one) => one.state === established && one.uid === uid && one.local.address === here)
    .filter(({ remote }) => remote.address !== here)
    .map(({ local, remote }) => ({ port: local.port, address: remote.address, peerPort: remote.port }))
    .toSorted((a, b) => a.address.localeCompare(b.address) || a.peerPort - b.peerPort || a.port - b.port)
    .slice(0, maxConnections);
}

/** A peer's answer takes one round trip; the kernel would repeat the attempt after 1 s, and might then be let in. */
const attemptMs = 700;
/** Attempts in the name of `neardPort` leave by these ports, below Linux's ephemeral ones. */
const firstStandIn = 29_000;
/** There while attempts are made; one that an agent left behind goes when the next one starts, or with the host. */

/**
 * One attempt for each connection; returns when all have had their time.
 * @param address the dark host's, which this host has now
 * @param neardPort at which neards listen
 */
export async function endHalfOpen(
  address: string,
  neardPort: number,
  connections: readonly Connection[],
): Promise<void> {
  const standsIn = connections.some(({ port }) => port === neardPort);
  if (standsIn) await run("nft", ["-f", "-"], { stdin: standIns(address, neardPort), timeoutMs: 3000 });
  try {
    let next = firstStandIn;
    await Promise.all(
      connections.map(async (one) => await attempt(address, one.port === neardPort ? next++ : one.port, one)),
    );
  } finally {
    if (standsIn) await forgetStandIns();
  }
}

/** Removes what an agent that ended in the middle of its attempts left. */
export async function forgetStandIns(): Promise<void> {
  // It fails where there is no such table, which is nearly always.
  await run("nft", ["delete", "table", "inet", standInTable], { timeoutMs: 3000 }).catch(() => {});
}

/** What leaves from `address` by a stand-in's port goes out as neard's. */
export function standIns(address: string, neardPort: number): string {
  const family = familyOf(address) === "ipv6" ? "ip6" : "ip";
  const ports = `${firstStandIn}-${firstStandIn + maxConnections - 1}`;
  return `table inet ${standInTable}
delete table inet ${standInTable}
table inet ${standInTable} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ${family} saddr ${address} tcp sport ${ports} snat ${family} to ${hostPort(address, neardPort)}
  }
}
`;
}

function attempt(localAddress: string, localPort: number, { address, peerPort }: Connection): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: peerPort, localAddress, localPort });
    const timer = setTimeout(() => socket.destroy(), attemptMs);
    socket.once("connect", () => socket.resetAndDestroy());
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
