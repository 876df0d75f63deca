/**
 * Opens the SSH connection to a host, through its jump host where it has one, with the pinned host keys and no others.
 * What may be over in a moment is tried again: an SSH server that is being restarted, one that has too many logins
 * under way (MaxStartups; a cluster is asked all at once, and a jump host is asked for each of its hosts).
 */
import type { Duplex } from "node:stream";
import { type Config, NodeSSH } from "node-ssh";
import pRetry from "p-retry";
import type { Client } from "ssh2";
import { HoldfastError, plainReason } from "../contract/errors.ts";
import { mayPass, SshFailure } from "./failure.ts";
import { isPinned, parseHostKey } from "./host-key.ts";
import type { Login, SshEnd, Way } from "./way.ts";

export interface Dialled {
  readonly client: Client;
  /** The connection is of no use any more. */
  readonly lost: boolean;
  /** At once, without a goodbye, the jump host's too. */
  destroy(): void;
}

export interface Patience {
  /** Bound on all of it. */
  readonly withinMs: number;
  /** No attempt begins later than this. */
  readonly retryMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Twice as long each time, and longer by chance, the longest too: hosts that were asked at one moment are not asked at one
 * moment again. Pure.
 * @param chance from 0 to 1, drawn for this dialling
 */
export function pausesBy(chance: number) {
  return { minTimeout: 100, maxTimeout: 1000 * (1 + chance), factor: 2, randomize: true };
}

/** @throws SshFailure; HoldfastError HF_CONFIG_INVALID for a malformed host key; the signal's reason */
export async function dial(way: Way, login: Login, { withinMs, retryMs, signal }: Patience): Promise<Dialled> {
  const startMs = performance.now();
  const left = (): number => startMs + withinMs - performance.now();
  return await pRetry(() => attempt(way, login, Math.max(1, left()), signal), {
    ...pausesBy(Math.random()),
    retries: Number.POSITIVE_INFINITY,
    maxRetryTime: Math.max(0, retryMs),
    ...(signal === undefined ? {} : { signal }),
    shouldRetry: ({ error }) => error instanceof SshFailure && mayPass(error.kind),
  });
}

async function attempt(way: Way, login: Login, withinMs: number, signal: AbortSignal | undefined): Promise<Dialled> {
  if (way.proxy === null) return await open(way, login, withinMs, signal);
  const startMs = performance.now();
  const jump = await open(way.proxy, login, withinMs, signal);
  try {
    const channel = await through(jump.client, way, way.proxy);
    const far = await open(way, login, Math.max(1, withinMs - (performance.now() - startMs)), signal, channel);
    return {
      client: far.client,
      get lost() {
        return far.lost || jump.lost;
      },
      destroy() {
        far.destroy();
        jump.destroy();
      },
    };
  } catch (error) {
    jump.destroy();
    throw error;
  }
}

/** RFC 4254, 5.1: SSH_OPEN_ADMINISTRATIVELY_PROHIBITED */
const prohibited = 1;

function through(jump: Client, way: Way, proxy: SshEnd): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    jump.forwardOut("127.0.0.1", 0, way.host, way.port, (error, channel) => {
      if (error === undefined) return resolve(channel);
      const isProhibited = (error as { reason?: number }).reason === prohibited;
      const words = error.message.replace("(SSH) Channel open failure: ", "");
      const cause = new Error(`the jump host ${proxy.host} says ${words}`);
      reject(
        isProhibited
          ? new SshFailure({ is: "no-forwarding" }, proxy)
          : new SshFailure({ is: "unreachable", cause }, way),
      );
    });
  });
}

/** Agrees on keys with one SSH server and logs in, over `stream` where somebody else leads there. */
function open(
  end: SshEnd,
  login: Login,
  withinMs: number,
  signal: AbortSignal | undefined,
  stream?: Duplex,
): Promise<Dialled> {
  const ssh = new NodeSSH();
  const seen = new Seen(end);
  const config: Config = {
    ...(stream === undefined ? { host: end.host, port: end.port } : { sock: stream as never }),
    username: end.user,
    readyTimeout: withinMs,
    // So that a connection whose host has lost power is noticed within 15 s.
    keepaliveInterval: 5000,
    keepaliveCountMax: 3,
    algorithms: { serverHostKey: [...seen.pinned.algorithms] as never },
    hostVerifier: (shown: Buffer) => seen.isRight(shown),
    debug: (line) => seen.note(line),
    ...("privateKey" in login
      ? { privateKey: login.privateKey, authHandler: ["publickey"] as never }
      : { agent: login.agentSocket, authHandler: ["agent"] as never }),
  };
  return new Promise((resolve, reject) => {
    let isReady = false;
    let lost = false;
    const connecting = ssh.connect(config);
    // It is there at once, and tells more than the library's own promise does.
    const client = ssh.connection as Client;
    const destroy = () => {
      lost = true;
      client.destroy();
    };
    const fail = (error: Error | undefined) => {
      lost = true;
      signal?.removeEventListener("abort", destroy);
      if (isReady) return;
      client.destroy();
      reject(new SshFailure(seen.kindOf(error, "privateKey" in login), end));
    };
    signal?.addEventListener("abort", destroy, { once: true });
    // These stay: a connection that is reset later must not end the program.
    client.on("error", fail);
    client.on("close", () => fail(undefined));
    client.once("ready", () => {
      isReady = true;
      signal?.removeEventListener("abort", destroy);
      resolve({
        client,
        get lost() {
          return lost;
        },
        destroy,
      });
    });
    // SSH's small messages wait for each other otherwise: 330 ms instead of 30 for a login.
    client.setNoDelay(true);
    connecting.catch((error: unknown) => {
      if (isReady || lost) return;
      // Nothing was sent yet: the library cannot read the key.
      destroy();
      reject(
        new HoldfastError("HF_CONFIG_INVALID", `The SSH private key cannot be read: ${plainReason(error)}.`, {
          next: "Set it again from the whole file: pulumi config set --secret --path holdfast:ssh.privateKey < KEYFILE",
          cause: error,
        }),
      );
    });
  });
}

/** What a server has shown of itself until it failed. */
class Seen {
  readonly pinned;
  #shown: Buffer | undefined;
  readonly #offered = new Map<string, string>();

  constructor(end: SshEnd) {
    this.pinned = parseHostKey(end.host, end.hostKey);
  }

  isRight(shown: Buffer): boolean {
    this.#shown = shown;
    return isPinned(this.pinned, shown);
  }

  /** The library tells what a server offers only in its debugging lines. */
  note(line: string): void {
    const [, what, offered] = /^Handshake: \(remote\) ([^:]+): (.*)/.exec(line) ?? [];
    if (what === undefined || offered === undefined) return;
    // Two names among the key exchanges are none: they announce what else a server can do (RFC 8308; OpenSSH).
    const names = offered.split(",").filter((name) => !/^(ext-info|kex-strict)-/.test(name));
    this.#offered.set(what, names.join(", "));
  }

  kindOf(error: (Error & { level?: string }) | undefined, byKey: boolean): SshFailure["kind"] {
    if (this.#shown !== undefined && !isPinned(this.pinned, this.#shown)) {
      return { is: "wrong-host-key", shown: `${typeOf(this.#shown)} ${this.#shown.toString("base64")}` };
    }
    if (error === undefined) return { is: "hung-up" };
    const [, missing = ""] = /no matching (.*)$/.exec(error.message) ?? [];
    if (missing === "host key format")
      return { is: "no-such-host-key", offered: this.#offered.get("Host key format") ?? "none" };
    if (missing !== "") {
      const name = missing === "key exchange algorithm" ? "KEX method" : missing;
      const what = missing.replace(" algorithm", "").replace(/^[CS]->[CS] /, "");
      return { is: "nothing-in-common", what, offered: this.#offered.get(name) ?? "others" };
    }
    if (error.message.includes("Too many authentication failures"))
      return byKey ? { is: "refused-login", byKey } : { is: "too-many-keys" };
    if (error.level === "client-authentication") return { is: "refused-login", byKey };
    if (error.level === "agent") return { is: "no-ssh-agent", cause: error };
    if (error.level === "client-timeout") return { is: "unreachable", cause: new Error("there was no answer in time") };
    if (error.message === "Connection lost before handshake") return { is: "hung-up" };
    return { is: "unreachable", cause: error };
  }
}

/** A key names its type in its first field (RFC 4253, 6.6). */
const typeOf = (blob: Buffer): string => blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1");
