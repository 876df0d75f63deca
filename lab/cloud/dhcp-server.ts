/** Answers what the hosts' private network cards ask on the lab's bridge. */
import { createSocket, type Socket } from "node:dgram";
import { answer, cardOf, type Lease } from "./dhcp.ts";

const serverPort = 67;
const clientPort = 68;

export interface DhcpServer {
  close(): void;
}

/**
 * @param address ours on the bridge: answers leave from there
 * @param leaseOf of a card; undefined: it is none of ours, and another lab's server on this machine may know it
 */
export async function serveDhcp(address: string, leaseOf: (card: string) => Lease | undefined): Promise<DhcpServer> {
  // A socket that is bound to an address does not hear what is sent to all.
  const hears = createSocket({ type: "udp4", reuseAddr: true });
  const speaks = createSocket({ type: "udp4", reuseAddr: true });
  await Promise.all([bind(hears, "0.0.0.0"), bind(speaks, address)]);
  speaks.setBroadcast(true);
  hears.on("message", (packet) => {
    const card = cardOf(packet);
    const lease = card === undefined ? undefined : leaseOf(card);
    const reply = lease === undefined ? undefined : answer(packet, lease, address);
    if (reply !== undefined) speaks.send(reply, clientPort, "255.255.255.255");
  });
  return {
    close() {
      hears.close();
      speaks.close();
    },
  };
}

function bind(socket: Socket, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(serverPort, address, () => {
      socket.off("error", reject);
      // A bridge that goes away takes the way out with it; the next request finds it again, or the lab is gone.
      socket.on("error", () => {});
      resolve();
    });
  });
}
