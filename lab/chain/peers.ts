/**
 * The chain's side of the links to the neards: one line-based TCP server.
 *
 * A connection that the chain gives up (superseded, refused) is only closed for writing and still read
 * to its end: what an old host had in its kernel's buffers is exactly what the witness wants to see.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Source } from "./chain.ts";
import { plainAddress } from "./hosts.ts";
import { type FromChain, type FromNeard, fromNeardSchema, type KnownProducer, lineReader } from "./wire.ts";

export interface PeerHandlers {
  /** Why this neard is turned away, or undefined. */
  refuse(hello: Extract<FromNeard, { type: "hello" }>): string | undefined;
  /** First line for a neard that was let in. */
  welcome(): FromChain;
  onSignature(message: Extract<FromNeard, { type: "signature" }>, source: Source): void;
  onRejected(source: Source, because: string): void;
}

interface Peer {
  readonly nodeKey: string;
  readonly source: Source;
  readonly networkAddr: string;
  readonly socket: Socket;
}

export interface Peers {
  readonly server: Server;
  /** To every neard that is connected. */
  broadcast(message: FromChain): void;
  list(): { nodeKey: string; host: string; address: string }[];
  knownProducers(): KnownProducer[];
  close(): void;
}

/** The server, not listening yet. `nameOf` turns source addresses into host names. */
export function makePeers(handlers: PeerHandlers, nameOf: (address: string) => string): Peers {
  const sockets = new Set<Socket>();
  const peers = new Map<string, Peer>();
  const producers = new Map<string, KnownProducer>();

  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
    sockets.add(socket);
    const address = plainAddress(socket.remoteAddress ?? "");
    let peer: Peer | undefined;
    const source = () => ({ host: nameOf(address), address });
    const turnAway = (because: string) => {
      handlers.onRejected(source(), because);
      if (socket.writable) socket.end(line({ type: "refused", because }));
    };
    const read = lineReader((text) => {
      const message = parseLine(text);
      if (message === undefined) return turnAway("sent a line that is not of this protocol");
      if (message.type === "signature") return handlers.onSignature(message, source());
      if (message.type === "advertise") {
        if (peer === undefined) return turnAway("advertised before it said hello");
        const addr = `${address}:${peer.networkAddr.split(":").at(-1)}`;
        producers.set(message.account, { account_id: message.account, addr, peer_id: peer.nodeKey });
        return;
      }
      const because = handlers.refuse(message) ?? supersede(peers, message.nodeKey, address);
      if (because !== undefined) return turnAway(because);
      peer = { nodeKey: message.nodeKey, source: source(), networkAddr: message.networkAddr, socket };
      peers.set(message.nodeKey, peer);
      socket.write(line(handlers.welcome()));
    });
    socket.on("data", (chunk) => {
      try {
        read(chunk);
      } catch {
        socket.destroy();
      }
    });
    socket.on("end", () => socket.end());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      if (peer !== undefined && peers.get(peer.nodeKey) === peer) peers.delete(peer.nodeKey);
    });
  });

  return {
    server,
    broadcast(message) {
      const text = line(message);
      for (const { socket } of peers.values()) if (socket.writable) socket.write(text);
    },
    list: () => [...peers.values()].map(({ nodeKey, source }) => ({ nodeKey, ...source })),
    knownProducers: () => [...producers.values()],
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/**
 * One node key has one connection. From the same address the newer one wins (its neard reconnected);
 * from two addresses both are dropped, as in the real network. Returns why the newcomer is refused.
 */
function supersede(peers: Map<string, Peer>, nodeKey: string, address: string): string | undefined {
  const old = peers.get(nodeKey);
  if (old === undefined) return undefined;
  peers.delete(nodeKey);
  const stolen = old.source.address !== address;
  const because = `the node key ${nodeKey} is in use at ${old.source.address} and ${address}`;
  if (stolen) old.socket.end(line({ type: "refused", because }));
  else old.socket.end();
  return stolen ? because : undefined;
}

function parseLine(text: string): FromNeard | undefined {
  try {
    return fromNeardSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function line(message: FromChain): string {
  return `${JSON.stringify(message)}\n`;
}
