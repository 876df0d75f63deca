/**
 * Turns the texts of a connection (keys, passwords, a pinned host key) into what the SSH library needs, or
 * into the official plugin's error, before anything is dialled.
 */
import { connect } from "node:net";
import ssh2, { type AnyAuthMethod, type ParsedKey } from "ssh2";

export interface Endpoint {
  host: string;
  port: number;
  user: string;
  password?: string;
  privateKey?: string;
  privateKeyPassword?: string;
  agentSocketPath?: string;
  hostKey?: string;
  /** Failed attempts after which to give up; negative: never. */
  dialErrorLimit: number;
  /** Bound of the TCP connect in seconds; 0: the system's own. */
  perDialTimeout: number;
}

export interface HostKey {
  /** The key algorithm that the server must use: `ssh-ed25519`. */
  type: string;
  /** The key as it is on the wire. */
  blob: Buffer;
}

/** Reads `TYPE BASE64`, with a comment, a final newline, or a known_hosts host field in front. */
export function parseHostKey(text: string): HostKey {
  for (const line of text.split("\n")) {
    const fields = line.trim().split(/\s+/);
    if (fields[0] === "" || fields[0]?.startsWith("#")) continue;
    for (const field of fields.slice(1, 3)) {
      const blob = Buffer.from(field, "base64");
      const type = blob.length > 4 ? blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1") : "";
      if (type !== "" && !(ssh2.utils.parseKey(`${type} ${field}`) instanceof Error)) return { type, blob };
    }
  }
  throw new Error("failed to parse host key: ssh: no key found");
}

/** Reads a private key in OpenSSH's or the older PEM form. Errors are those of the official plugin. */
export function parsePrivateKey(text: string, password: string | undefined): ParsedKey {
  const plain = ssh2.utils.parseKey(text);
  if (!(plain instanceof Error)) {
    if (!plain.isPrivateKey()) throw new Error("ssh: no key found");
    if (password !== undefined) throw new Error("ssh: key is not password protected");
    return plain;
  }
  if (!/encrypted/i.test(plain.message)) throw new Error("ssh: no key found");
  if (password === undefined) throw new Error("ssh: this private key is passphrase protected");
  const decrypted = ssh2.utils.parseKey(text, password);
  if (decrypted instanceof Error) throw new Error("x509: decryption password incorrect");
  return decrypted;
}

/** The ways to log in, in the order in which they are tried; each kind is tried once (see dial.ts). */
export async function loginMethods(endpoint: Endpoint): Promise<AnyAuthMethod[]> {
  const { user: username, password } = endpoint;
  const methods: AnyAuthMethod[] = [];
  if (endpoint.privateKey !== undefined) {
    parsePrivateKey(endpoint.privateKey, endpoint.privateKeyPassword);
    methods.push({
      type: "publickey",
      username,
      key: endpoint.privateKey,
      ...(endpoint.privateKeyPassword === undefined ? {} : { passphrase: endpoint.privateKeyPassword }),
    });
  }
  if (password !== undefined) {
    methods.push({ type: "password", username, password });
    methods.push({
      type: "keyboard-interactive",
      username,
      prompt: (_name, _instructions, _language, prompts, finish) => finish(prompts.map(() => password)),
    });
  }
  const agent = endpoint.agentSocketPath ?? process.env.SSH_AUTH_SOCK;
  if (agent !== undefined && agent !== "") {
    await proveSocket(agent);
    methods.push({ type: "agent", username, agent });
  }
  return methods;
}

function proveSocket(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", (error: NodeJS.ErrnoException) =>
      reject(new Error(`dial unix ${path}: connect: ${reasonOf(error)}`)),
    );
  });
}

const reasons: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "is a directory",
  EADDRNOTAVAIL: "cannot assign requested address",
  ETIMEDOUT: "connection timed out",
};

/** A system error in the C library's words. */
export function reasonOf(error: NodeJS.ErrnoException): string {
  return reasons[error.code ?? ""] ?? error.message;
}
