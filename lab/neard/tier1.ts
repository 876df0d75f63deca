/**
 * The tier-1 connections of a neard with a key: one to each of the other validators, dialled at ticks as
 * nearcore does. Over them the others send what is for the account.
 *
 * As in nearcore nothing here notices that the other end is dead: no keepalive, no ping. What ends a
 * connection is the other end, the kernel, or the end of this process. Unloading the key does not.
 *
 * Not simulated: connections that the others dial.
 */
import { connect, type Socket } from "node:net";
import {
  type ForAccountMessage,
  fromChainSchema,
  lineReader,
  signingKey,
  signText,
  type Tier1Message,
  tier1Text,
} from "../chain/wire.ts";
import type { Log } from "./log.ts";
import type { Signer } from "./reload.ts";

export interface Tier1Options {
  /** Where the other validators listen; in the lab all of them at the boot node. */
  readonly target: { host: string; port: number } | undefined;
  /** Source address; undefined leaves it to the kernel. */
  readonly localAddress: string | undefined;
  readonly intervalMs: number;
  readonly genesisHash: string;
  readonly nodeKey: string;
  /** The other validators; none while there is no key that validates. */
  peers(): readonly string[];
  signer(): Signer | null;
  onForAccount(message: ForAccountMessage): void;
  readonly log: Log;
}

export interface Tier1Connections {
  close(): void;
}

/** Dials what is missing at every tick until closed. */
export function openTier1(options: Tier1Options): Tier1Connections {
  const sockets = new Map<string, Socket>();

  const dial = (peer: string, signer: Signer, target: { host: string; port: number }) => {
    const { localAddress, log } = options;
    const socket = connect({ ...target, ...(localAddress === undefined ? {} : { localAddress }), noDelay: true });
    sockets.set(peer, socket);
    const read = lineReader((text) => {
      const message = fromChainSchema.parse(JSON.parse(text));
      if (message.type === "forAccount") options.onForAccount(message);
      else if (message.type === "refused") log("WARN", "network", `${peer} refused tier 1: ${message.because}`);
    });
    socket.on("connect", () => socket.write(`${JSON.stringify(handshake(options, peer, signer))}\n`));
    socket.on("data", (chunk) => {
      try {
        read(chunk);
      } catch {
        socket.destroy();
      }
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (sockets.get(peer) === socket) sockets.delete(peer);
    });
  };

  const tick = () => {
    const signer = options.signer();
    if (signer === null || options.target === undefined) return;
    for (const peer of options.peers()) if (!sockets.has(peer)) dial(peer, signer, options.target);
  };
  const ticks = setInterval(tick, options.intervalMs);

  return {
    close() {
      clearInterval(ticks);
      for (const socket of sockets.values()) socket.destroy();
    },
  };
}

function handshake({ genesisHash, nodeKey }: Tier1Options, peer: string, { key }: Signer): Tier1Message {
  const { accountId: account, publicKey, secretKey } = key;
  const said = { genesisHash, peer, account, publicKey, nodeKey };
  return { type: "tier1", ...said, signature: signText(signingKey(secretKey), tier1Text(said)) };
}
