/**
 * The network's side of the connections to the neards: one line-based TCP server, which stands for the
 * other validators. Links bring heights and take signatures; tier-1 connections carry what is meant for
 * our account (wire.ts). What they do when the other end dies is connection.ts and routes.ts.
 *
 * A link that the chain gives up is only closed for writing and still read to its end: what an old host
 * had in its kernel's buffers is exactly what the witness wants to see.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Duty } from "./approvals.ts";
import type { Source } from "./chain.ts";
import { Connection } from "./connection.ts";
import { plainAddress } from "./hosts.ts";
import { type AccountData, Routes, type Tier1 } from "./routes.ts";
import {
  type AccountDataMessage,
  type AdvertiseMessage,
  type FromChain,
  type FromNeard,
  fromNeardSchema,
  type HelloMessage,
  type KnownProducer,
  lineReader,
  type ReceivedMessage,
  type SignatureMessage,
  type Tier1Message,
} from "./wire.ts";

export interface PeerHandlers {
  /** Why this neard is turned away, or undefined. */
  refuse(hello: HelloMessage): string | undefined;
  /** Why this tier-1 connection is turned away, or undefined. */
  refuseTier1(message: Tier1Message): string | undefined;
  /** First line for a neard that was let in. */
  welcome(): FromChain;
  onSignature(message: SignatureMessage, source: Source): void;
  onReceived(message: ReceivedMessage, source: Source): void;
  /** False: it counts for nothing. */
  onAdvertise(message: AdvertiseMessage, source: Source): boolean;
  /** `peer` has a tier-1 connection for the account already. */
  onAlreadyConnected(message: Tier1Message, source: Source): void;
  onRejected(source: Source, because: string): void;
  /** Bytes by a connection of a process that is or was the holder's: tier 1, or one that brought signatures. */
  onHolderSent(source: Source, bytes: number): void;
}

/** How the network finds out that a connection is dead; the defaults are what was measured on a real one. */
export interface PeerTimes {
  /** A link from which nothing came for this long gives way to a newer one with the same node key. */
  readonly linkAliveMs: number;
  /** A write that the kernel has not taken for this long ends the connection. */
  readonly writeTimeoutMs: number;
}
export const realTimes: PeerTimes = { linkAliveMs: 31_000, writeTimeoutMs: 120_000 };

interface Link {
  readonly nodeKey: string;
  readonly source: Source;
  readonly connection: Connection;
  heardAt: number;
}

export interface Peers {
  readonly server: Server;
  /** To every neard that is connected. */
  broadcast(message: FromChain): void;
  /** Has every validator send its duty, to where it believes `account` to be. */
  sendToAccount(account: string, height: number, duties: readonly Duty[], paddingBytes: number): void;
  list(): { nodeKey: string; host: string; address: string }[];
  /** Who keeps a tier-1 connection, to which node, and for how long its send buffer has been full. */
  tier1(): { peer: string; account: string; nodeKey: string; fullForMs: number }[];
  knownProducers(): KnownProducer[];
  close(): void;
}

/** The server, not listening yet. `nameOf` turns source addresses into host names. */
export function makePeers(handlers: PeerHandlers, nameOf: (address: string) => string, times: PeerTimes): Peers {
  const sockets = new Set<Socket>();
  const links = new Map<string, Link>();
  const routes = new Routes<Connection>();

  const broadcast = (message: FromChain) => {
    for (const { connection } of links.values()) connection.send(message);
  };
  const leave = (link: Link) => {
    if (links.get(link.nodeKey) === link) links.delete(link.nodeKey);
  };

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    const address = plainAddress(socket.remoteAddress ?? "");
    let link: Link | undefined;
    let tier1: Tier1<Connection> | undefined;
    let hasSigned = false;
    const source = (): Source => ({ host: nameOf(address), address, nodeKey: link?.nodeKey ?? "" });
    const gone = () => {
      if (link !== undefined) leave(link);
      if (tier1 !== undefined) routes.disconnect(tier1);
    };
    const connection = new Connection(socket, times.writeTimeoutMs, () => {
      gone();
      // A validator drops what it could not send. A link is read on, for the witness.
      if (link === undefined) socket.resetAndDestroy();
      else connection.end();
    });
    const refuse = (because: string) => connection.end({ type: "refused", because });
    const turnAway = (because: string) => {
      handlers.onRejected(source(), because);
      refuse(because);
    };

    const onHello = (message: HelloMessage) => {
      const because = handlers.refuse(message);
      if (because !== undefined) return turnAway(because);
      const old = links.get(message.nodeKey);
      if (old !== undefined && performance.now() - old.heardAt < times.linkAliveMs)
        return refuse(`the node ${message.nodeKey} is connected already, from ${old.source.address}`);
      old?.connection.end();
      const { nodeKey } = message;
      link = { nodeKey, source: { ...source(), nodeKey }, connection, heardAt: performance.now() };
      links.set(nodeKey, link);
      connection.send(handlers.welcome());
      for (const data of routes.accountData) connection.send(accountDataMessage(data));
    };
    const onTier1 = (message: Tier1Message) => {
      const because = handlers.refuseTier1(message);
      if (because !== undefined) return turnAway(because);
      const { peer, account, nodeKey } = message;
      const wanted = { peer, account, nodeKey, connection };
      if (!routes.connect(wanted)) {
        handlers.onAlreadyConnected(message, source());
        return refuse(`AlreadyConnectedAccount: ${peer} has a connection for ${account}`);
      }
      tier1 = wanted;
      connection.send({ type: "tier1Accepted", peer });
    };
    const onAdvertise = (message: AdvertiseMessage, from: Link) => {
      if (!handlers.onAdvertise(message, source()) || !routes.advertise(message, from.nodeKey)) return;
      const data = routes.accountData.find((one) => one.account === message.account);
      if (data !== undefined) broadcast(accountDataMessage(data));
    };

    const read = lineReader((text) => {
      const message = parseLine(text);
      if (message === undefined) return turnAway("sent a line that is not of this protocol");
      if (message.type === "signature") {
        hasSigned = true;
        if (link !== undefined) link.heardAt = performance.now();
        return handlers.onSignature(message, source());
      }
      if (message.type === "hello") return onHello(message);
      if (message.type === "tier1") return onTier1(message);
      if (link === undefined) return turnAway(`said ${message.type} before hello`);
      link.heardAt = performance.now();
      if (message.type === "advertise") return onAdvertise(message, link);
      if (message.type === "received") return handlers.onReceived(message, source());
    });
    socket.on("data", (chunk) => {
      if (hasSigned || tier1 !== undefined) handlers.onHolderSent(source(), chunk.length);
      try {
        read(chunk);
      } catch {
        socket.destroy();
      }
    });
    socket.on("end", () => {
      gone();
      socket.end();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      gone();
    });
  });

  return {
    server,
    broadcast,
    sendToAccount(account, height, duties, paddingBytes) {
      const padding = "x".repeat(paddingBytes);
      for (const { from, token } of duties) {
        const route = routes.to(from, account);
        if (route === undefined) continue;
        const connection = "connection" in route ? route.connection : links.get(route.nodeKey)?.connection;
        connection?.send({ type: "forAccount", from, height, token, padding });
      }
    },
    list: () => [...links.values()].map(({ nodeKey, source: { host, address } }) => ({ nodeKey, host, address })),
    tier1: () =>
      routes.tier1.map(({ peer, account, nodeKey, connection: { fullForMs } }) => ({
        peer,
        account,
        nodeKey,
        fullForMs: Math.round(fullForMs),
      })),
    knownProducers: () =>
      routes.accountData.map(({ account, nodeKey }) => ({ account_id: account, addr: null, peer_id: nodeKey })),
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function accountDataMessage({ account, nodeKey, version }: AccountData): AccountDataMessage {
  return { type: "accountData", account, nodeKey, version };
}

function parseLine(text: string): FromNeard | undefined {
  try {
    return fromNeardSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
