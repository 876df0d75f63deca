/**
 * One TCP connection as the chain's validators have it: lines out, and a bound on how long a write may
 * take. As in nearcore there is no keepalive, no TCP_USER_TIMEOUT and no ping: a connection whose other
 * end is dead without a word lives until its send buffer is full and a write has waited for
 * `writeTimeoutMs`, or until the kernel gives up (tcp_retries2, about 15 min).
 */
import type { Socket } from "node:net";
import type { FromChain } from "./wire.ts";

export class Connection {
  readonly socket: Socket;
  readonly #writeTimeoutMs: number;
  readonly #onWriteTimeout: () => void;
  /** When each write that the kernel has not taken yet was begun; none while the send buffer has room. */
  readonly #waiting: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, writeTimeoutMs: number, onWriteTimeout: () => void) {
    this.socket = socket;
    this.#writeTimeoutMs = writeTimeoutMs;
    this.#onWriteTimeout = onWriteTimeout;
    socket.once("close", () => clearTimeout(this.#timer));
  }

  send(message: FromChain): void {
    if (!this.socket.writable) return;
    this.#waiting.push(performance.now());
    this.socket.write(lineOf(message), () => {
      this.#waiting.shift();
      this.#watch();
    });
    if (this.#waiting.length === 1) this.#watch();
  }

  /** Nothing more is sent; what still arrives is read. */
  end(last?: FromChain): void {
    if (!this.socket.writable) return;
    if (last === undefined) this.socket.end();
    else this.socket.end(lineOf(last));
  }

  /** How long the send buffer has been full, in milliseconds; 0: it is not. */
  get fullForMs(): number {
    return this.#waiting[0] === undefined ? 0 : performance.now() - this.#waiting[0];
  }

  #watch(): void {
    clearTimeout(this.#timer);
    const [oldest] = this.#waiting;
    if (oldest === undefined || this.socket.destroyed) return;
    this.#timer = setTimeout(this.#onWriteTimeout, oldest + this.#writeTimeoutMs - performance.now());
    this.#timer.unref();
  }
}

function lineOf(message: FromChain): string {
  return `${JSON.stringify(message)}\n`;
}
