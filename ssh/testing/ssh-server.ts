/**
 * An SSH server in this process (ssh2's own), for tests: it opens Unix sockets for the client as sshd
 * does and runs commands in a shell. Listens on 127.0.0.1 at a free port.
 */
import { spawn } from "node:child_process";
import { connect as connectSocket } from "node:net";
import ssh2, { type Connection } from "ssh2";

export interface TestSshServer {
  readonly port: number;
  /** As in known_hosts without the name. */
  readonly hostKey: string;
  /** Ends every connection abruptly, as a host that loses power and comes back. */
  cutConnections(): void;
  close(): Promise<void>;
}

export interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** ssh2 1.17.0 writes about one ed25519 key in a few hundred in a form that it cannot read: that one is thrown away. */
export function createKeyPair(): KeyPair {
  for (;;) {
    const { private: privateKey, public: publicKey } = ssh2.utils.generateKeyPairSync("ed25519");
    if (!(ssh2.utils.parseKey(privateKey) instanceof Error)) return { privateKey, publicKey };
  }
}

/**
 * @param user the only login, with the public key of `client`
 * @param env of the commands that it runs
 */
export async function startSshServer(
  user: string,
  client: KeyPair,
  env: NodeJS.ProcessEnv = process.env,
): Promise<TestSshServer> {
  const hostKeys = createKeyPair();
  const connections = new Set<Connection>();
  const server = new ssh2.Server({ hostKeys: [hostKeys.privateKey] }, (connection) => {
    connections.add(connection);
    // There, but not in the types.
    (connection as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true);
    connection.on("error", () => {});
    connection.on("close", () => connections.delete(connection));
    connection.on("authentication", (context) => {
      const allowed = ssh2.utils.parseKey(client.publicKey);
      if (allowed instanceof Error) throw allowed;
      const isOurs =
        context.method === "publickey" && context.username === user && context.key.data.equals(allowed.getPublicSSH());
      if (isOurs) context.accept();
      else context.reject(["publickey"]);
    });
    // sshd's streamlocal forwarding: `info.socketPath` is what the client asks for.
    connection.on(
      "openssh.streamlocal" as never,
      (accept: () => NodeJS.ReadWriteStream, reject: () => void, info: { socketPath: string }) => {
        const socket = connectSocket(info.socketPath);
        socket.once("connect", () => {
          const channel = accept();
          socket.pipe(channel).pipe(socket);
        });
        socket.once("error", () => reject());
      },
    );
    connection.on("session", (accept) => {
      accept().on("exec", (acceptExec, _reject, info) => {
        const channel = acceptExec();
        const child = spawn("sh", ["-c", info.command], { env });
        child.stdout.pipe(channel, { end: false });
        child.stderr.pipe(channel.stderr, { end: false });
        channel.pipe(child.stdin);
        channel.once("close", () => child.kill());
        child.once("close", (code) => {
          channel.exit(code ?? 1);
          channel.end();
        });
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    hostKey: hostKeys.publicKey.split(" ").slice(0, 2).join(" "),
    cutConnections: () => {
      for (const connection of connections) connection.end();
    },
    close: () =>
      new Promise((resolve) => {
        for (const connection of connections) connection.end();
        server.close(() => resolve());
      }),
  };
}
