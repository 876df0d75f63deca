/**
 * The link to the chain (tier 2): one outgoing TCP connection to a boot node, made again whenever it ends
 * or falls silent. While the old one counts as alive on the other side the new one is refused. What was written on an old connection is never written again; but what the kernel
 * still holds of it may arrive late, as it does for a real neard.
 */
import { connect, type Socket } from "node:net";
import {
  type AccountDataMessage,
  type ForAccountMessage,
  type FromChain,
  type FromNeard,
  fromChainSchema,
  lineReader,
  type SlotMessage,
} from "../chain/wire.ts";
import type { Log } from "./log.ts";

export interface LinkOptions {
  readonly bootNodes: readonly { host: string; port: number }[];
  /** Source address of the connection; undefined leaves it to the kernel. */
  readonly localAddress: string | undefined;
  /** Without a line for this long the link counts as dead. */
  readonly silentMs: number;
  hello(): FromNeard;
  onWelcome(message: Extract<FromChain, { type: "welcome" }>): void;
  onSlot(message: SlotMessage): void;
  onForAccount(message: ForAccountMessage): void;
  onAccountData(message: AccountDataMessage): void;
  readonly log: Log;
}

export interface Link {
  /** Sends, or drops the message while the link is not up. */
  send(message: FromNeard): void;
  /** The chain has let us in and was heard lately. */
  alive(): boolean;
  close(): void;
}

const firstBackoffMs = 200;
const maxBackoffMs = 1000;

/** Connects, and keeps connecting until closed. */
export function openLink(options: LinkOptions): Link {
  let socket: Socket | undefined;
  let welcomed = false;
  let heardAt = 0;
  let attempt = 0;
  let backoffMs = firstBackoffMs;
  let closed = false;
  let retry: NodeJS.Timeout | undefined;

  const dial = () => {
    const target = options.bootNodes[attempt++ % options.bootNodes.length];
    if (target === undefined) return;
    const { localAddress } = options;
    const mine = connect({ ...target, ...(localAddress === undefined ? {} : { localAddress }), noDelay: true });
    socket = mine;
    welcomed = false;
    heardAt = performance.now();
    const read = lineReader((text) => {
      const message = fromChainSchema.parse(JSON.parse(text));
      heardAt = performance.now();
      if (message.type === "refused") return options.log("WARN", "network", `the peer refused us: ${message.because}`);
      if (message.type === "slot") return options.onSlot(message);
      if (message.type === "forAccount") return options.onForAccount(message);
      if (message.type === "accountData") return options.onAccountData(message);
      if (message.type !== "welcome") throw new Error(`${message.type} does not belong on a link`);
      welcomed = true;
      backoffMs = firstBackoffMs;
      options.onWelcome(message);
    });
    mine.on("connect", () => mine.write(`${JSON.stringify(options.hello())}\n`));
    mine.on("data", (chunk) => {
      try {
        read(chunk);
      } catch (error) {
        options.log("WARN", "network", `the peer sent what is not of this protocol: ${String(error)}`);
        mine.destroy();
      }
    });
    mine.on("error", () => mine.destroy());
    mine.on("close", () => {
      if (mine !== socket || closed) return;
      if (welcomed) options.log("WARN", "network", "the link to the chain is down");
      socket = undefined;
      welcomed = false;
      retry = setTimeout(dial, backoffMs);
      backoffMs = Math.min(backoffMs * 2, maxBackoffMs);
    });
  };

  const silence = setInterval(() => {
    if (socket !== undefined && performance.now() - heardAt > options.silentMs) socket.destroy();
  }, 250);
  dial();

  return {
    send(message) {
      if (welcomed && socket?.writable) socket.write(`${JSON.stringify(message)}\n`);
    },
    alive: () => welcomed && performance.now() - heardAt <= options.silentMs,
    close() {
      closed = true;
      clearInterval(silence);
      clearTimeout(retry);
      socket?.destroy();
    },
  };
}
