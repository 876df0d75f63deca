/**
 * Opens SSH connections: dials again after every failure, whatever its kind, with the official plugin's
 * pauses, counts and words. Without a pinned host key any host key is accepted, as there.
 * Awkward case: a server that takes the connection and then says nothing. The official plugin waits for
 * good; we give up after `handshakeLimitMs` and count a failed attempt.
 */

import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import pRetry from "p-retry";
import ssh2, { type AnyAuthMethod, type AuthenticationType, type Client, type ConnectConfig } from "ssh2";
import { type Endpoint, type HostKey, loginMethods, parseHostKey, reasonOf } from "./credentials.ts";

export interface Connection extends Endpoint {
  proxy?: Endpoint;
}

/** Bounds of a connection. */
export interface Limits {
  /** How often an idle server is asked for a sign of life. */
  readonly keepaliveMs: number;
  /** So many questions without an answer, and the connection is given up. */
  readonly keepaliveCount: number;
  /** What a command may still take once its step is cancelled. */
  readonly graceMs: number;
}

/** A host that lost its power is noticed within a minute; a network that is away for less is survived. */
export const defaultLimits: Limits = { keepaliveMs: 10_000, keepaliveCount: 5, graceMs: 10_000 };

/** What a step needs from its surroundings. */
export interface StepContext {
  /** One line for the progress display. */
  note: (message: string) => void;
  /** Aborted when the step is cancelled or its time is over; the reason is the error to report. */
  signal: AbortSignal;
  /** The resource's name, for messages; it has the host's name in it. */
  step?: string;
  /** Other bounds than the usual ones, for tests. */
  limits?: Limits;
}

const handshakeLimitMs = 20_000;
const pauses = { minTimeout: 100, factor: 1.5, maxTimeout: 5_000 };

/** Tries until it works; gives up after `limit` + 1 attempts, never with a negative limit. */
export async function retry<T>(
  what: string,
  limit: number,
  attempt: () => Promise<T>,
  context: StepContext,
): Promise<T> {
  const { signal } = context;
  const retries = limit < 0 ? Number.POSITIVE_INFINITY : Math.floor(limit);
  try {
    return await pRetry(() => orCancelled(attempt(), signal), {
      ...pauses,
      retries,
      signal,
      onFailedAttempt: ({ attemptNumber, retriesLeft }) => {
        if (retriesLeft > 0) context.note(`${what} ${attemptNumber}/${limit === -1 ? "inf" : limit} failed: retrying`);
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(`after ${limit} failed attempts: ${(error as Error).message}`, { cause: error });
  }
}

/** A cancelled attempt is not waited for: what it may still open is closed. */
async function orCancelled<T>(attempt: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: cancelled, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([attempt, cancelled]);
  } catch (error) {
    attempt.then(discard, () => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function discard(opened: unknown): void {
  if (opened instanceof ssh2.Client) opened.destroy();
}

/** An open SSH connection and the way to close it, its proxy included. */
export interface Dialled {
  client: Client;
  close: () => void;
}

export async function dial(connection: Connection, context: StepContext): Promise<Dialled> {
  const login = await prepare(connection);
  if (connection.proxy === undefined) {
    const client = await retry(
      "Dial",
      connection.dialErrorLimit,
      () => open(connection, login, context.limits),
      context,
    );
    return { client, close: () => client.end() };
  }
  return dialThrough(connection.proxy, connection, login, context).catch((error: Error) => {
    if (context.signal.aborted) throw error;
    throw new Error(`proxy: ${error.message}`, { cause: error });
  });
}

async function dialThrough(proxy: Endpoint, target: Endpoint, login: Login, context: StepContext): Promise<Dialled> {
  const proxyLogin = await prepare(proxy);
  const bastion = await retry(
    "Dial proxy",
    proxy.dialErrorLimit,
    () => open(proxy, proxyLogin, context.limits),
    context,
  );
  try {
    let fresh: Duplex | null = await retry(
      "Dial from proxy",
      target.dialErrorLimit,
      () => forward(bastion, target),
      context,
    );
    const shake = async (): Promise<Client> => {
      // A channel is good for one attempt: who was hung up on (MaxStartups) needs another.
      const channel = fresh ?? (await forward(bastion, target));
      fresh = null;
      return await handshake(channel, target, login, context.limits);
    };
    const client = await retry("Dial", target.dialErrorLimit, shake, context);
    return {
      client,
      close: () => {
        client.end();
        bastion.end();
      },
    };
  } catch (error) {
    bastion.end();
    throw error;
  }
}

interface Login {
  methods: AnyAuthMethod[];
  hostKey: HostKey | undefined;
}

async function prepare(endpoint: Endpoint): Promise<Login> {
  const hostKey = endpoint.hostKey === undefined ? undefined : parseHostKey(endpoint.hostKey);
  return { methods: await loginMethods(endpoint), hostKey };
}

async function open(endpoint: Endpoint, login: Login, limits?: Limits): Promise<Client> {
  return handshake(
    await connectTcp(endpoint.host, Math.trunc(endpoint.port), endpoint.perDialTimeout),
    endpoint,
    login,
    limits,
  );
}

const joinHostPort = (host: string, port: number): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

function connectTcp(host: string, port: number, limitSeconds: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let address = host;
    const socket = connect({ host: host === "" ? "localhost" : host, port, noDelay: true });
    const timer =
      limitSeconds > 0
        ? setTimeout(() => fail(`dial tcp ${joinHostPort(address, port)}: i/o timeout`), limitSeconds * 1000)
        : undefined;
    const fail = (message: string, cause?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Error(message, { cause }));
    };
    socket.once("lookup", (_error, found) => {
      address = found ?? address;
    });
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once(
      "error",
      (error: NodeJS.ErrnoException & { hostname?: string; address?: string; errors?: NodeJS.ErrnoException[] }) => {
        const first = error.errors?.[0] ?? error;
        if (first.syscall === "getaddrinfo") fail(`dial tcp: lookup ${host}: no such host`, error);
        else fail(`dial tcp ${joinHostPort(address, port)}: connect: ${reasonOf(first)}`, error);
      },
    );
  });
}

/** Why a server or bastion refused to open a channel (RFC 4254, 5.1). */
const refusals: Record<number, string> = {
  1: "administratively prohibited",
  2: "connect failed",
  3: "unknown channel type",
  4: "resource shortage",
};

function forward(bastion: Client, target: Endpoint): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    bastion.forwardOut("127.0.0.1", 0, target.host, Math.trunc(target.port), (error, channel) => {
      if (error === undefined) return resolve(channel);
      const { reason } = error as Error & { reason?: number };
      const detail = error.message.replace("(SSH) Channel open failure: ", "");
      reject(new Error(`ssh: rejected: ${refusals[reason ?? 0] ?? `unknown reason ${reason}`} (${detail})`));
    });
  });
}

/** Agrees on keys and logs in over an open stream. Every kind of login is tried once, in order. */
function handshake(stream: Duplex, endpoint: Endpoint, login: Login, limits = defaultLimits): Promise<Client> {
  const client = new ssh2.Client();
  const tried: AuthenticationType[] = ["none"];
  let offeredHostKeys = "";
  let hostKeyDiffers = false;
  const config: ConnectConfig = {
    sock: stream as Socket,
    username: endpoint.user,
    readyTimeout: handshakeLimitMs,
    keepaliveInterval: limits.keepaliveMs,
    keepaliveCountMax: limits.keepaliveCount,
    algorithms: login.hostKey === undefined ? {} : { serverHostKey: [login.hostKey.type as "ssh-ed25519"] },
    hostVerifier: (key: Buffer) => {
      hostKeyDiffers = login.hostKey !== undefined && !key.equals(login.hostKey.blob);
      return !hostKeyDiffers;
    },
    authHandler: (allowed, _partial, next) => {
      if (allowed === null) return next({ type: "none", username: endpoint.user });
      const method = login.methods.find(
        (candidate) => allowed.includes(wireName(candidate)) && !tried.includes(wireName(candidate)),
      );
      if (method === undefined) return next(false as unknown as AnyAuthMethod);
      tried.push(wireName(method));
      next(method);
    },
    debug: (line) => {
      offeredHostKeys = /^Handshake: \(remote\) Host key format: (.*)/.exec(line)?.[1] ?? offeredHostKeys;
    },
  };
  const explain = (error: Error & { level?: string }): string => {
    if (hostKeyDiffers) return "ssh: host key mismatch";
    if (error.message.includes("no matching host key format")) {
      return `ssh: no common algorithm for host key; we offered: [${login.hostKey?.type}], peer offered: [${offeredHostKeys.replaceAll(",", " ")}]`;
    }
    if (error.message === "All configured authentication methods failed") {
      return `ssh: unable to authenticate, attempted methods [${tried.join(" ")}], no supported methods remain`;
    }
    if (/Connection lost before handshake|socket/.test(error.message)) return "EOF";
    return error.message;
  };
  return new Promise((resolve, reject) => {
    const fail = (message: string, cause?: Error): void => {
      client.destroy();
      reject(new Error(`ssh: handshake failed: ${message}`, { cause }));
    };
    if (stream.destroyed || stream.readableEnded) return fail("EOF");
    client.once("ready", () => {
      client.removeAllListeners("error");
      client.removeAllListeners("close");
      resolve(calm(client)); // a connection lost later shows as a command without an exit status
    });
    client.on("error", (error) => fail(explain(error), error));
    client.once("close", () => fail("EOF"));
    try {
      client.connect(config);
    } catch (error) {
      fail((error as Error).message, error as Error);
    }
  });
}

const wireName = (method: AnyAuthMethod): AuthenticationType => (method.type === "agent" ? "publickey" : method.type);

/** Keeps an SSH client's own error events from ending the program; what they mean shows elsewhere. */
export function calm(client: Client): Client {
  return client.on("error", () => {});
}
