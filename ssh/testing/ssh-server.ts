/**
 * An SSH server in this process (ssh2's own), for tests: it opens Unix sockets and connections for the client as sshd
 * does, runs commands in a shell, and has just enough SFTP to take files, which it throws away. Listens on 127.0.0.1 at a
 * free port.
 */
import { spawn } from "node:child_process";
import { connect as connectSocket, createServer } from "node:net";
import ssh2, { type Connection, type ServerConfig } from "ssh2";

export interface TestSshServer {
  readonly port: number;
  /** As in known_hosts without the name. */
  readonly hostKey: string;
  /** How many connections it has taken. */
  readonly taken: number;
  /** Ends every connection abruptly, as a host that loses power and comes back. */
  cutConnections(): void;
  close(): Promise<void>;
}

/** In what it is less than an sshd that may do everything. */
export interface Lacks {
  /** AllowStreamLocalForwarding no, and AllowTcpForwarding no. */
  readonly forwarding?: boolean;
  /** Hangs up on so many connections at first, as by MaxStartups. */
  readonly patience?: number;
  /** No SFTP subsystem. */
  readonly sftp?: boolean;
  /** What runs whatever was asked for: a shell command, which finds that in $SSH_ORIGINAL_COMMAND. */
  readonly forced?: string;
  readonly algorithms?: ServerConfig["algorithms"];
  /** AcceptEnv, which has none by default. */
  readonly acceptEnv?: readonly string[];
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
  lacks: Lacks = {},
): Promise<TestSshServer> {
  const hostKeys = createKeyPair();
  const connections = new Set<Connection>();
  let taken = 0;
  const { algorithms = {} } = lacks;
  const server = new ssh2.Server({ hostKeys: [hostKeys.privateKey], algorithms }, (connection) => {
    taken += 1;
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
        if (lacks.forwarding) return reject();
        const socket = connectSocket(info.socketPath);
        socket.once("connect", () => {
          const channel = accept();
          socket.pipe(channel).pipe(socket);
        });
        socket.once("error", () => reject());
      },
    );
    connection.on("tcpip", (accept, reject, { destIP, destPort }) => {
      if (lacks.forwarding) return reject();
      const socket = connectSocket(destPort, destIP);
      socket.once("connect", () => {
        const channel = accept();
        socket.pipe(channel).pipe(socket);
        channel.on("error", () => {});
      });
      socket.on("error", () => reject());
    });
    connection.on("session", (accept) => {
      const session = accept();
      const given: NodeJS.ProcessEnv = {};
      session.on("env", (_accept, _reject, { key, val }) => {
        if (lacks.acceptEnv?.includes(key)) given[key] = val;
      });
      if (!lacks.sftp)
        session.on("sftp", (acceptSftp) => {
          const sftp = acceptSftp();
          const { OK, NO_SUCH_FILE } = ssh2.utils.sftp.STATUS_CODE;
          sftp.on("REALPATH", (id) => sftp.name(id, [{ filename: "/", longname: "/", attrs: {} as never }]));
          sftp.on("STAT", (id) => sftp.status(id, NO_SUCH_FILE));
          sftp.on("OPEN", (id) => sftp.handle(id, Buffer.of(0)));
          for (const request of ["MKDIR", "WRITE", "CLOSE"] as const)
            sftp.on(request as "CLOSE", (id) => sftp.status(id, OK));
        });
      session.on("exec", (acceptExec, _reject, info) => {
        const channel = acceptExec();
        const asked = { SSH_CONNECTION: "127.0.0.1 40000 127.0.0.1 22", SSH_ORIGINAL_COMMAND: info.command };
        const child = spawn("sh", ["-c", lacks.forced ?? info.command], { env: { ...env, ...given, ...asked } });
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
  let left = lacks.patience ?? 0;
  const listener = createServer((socket) => {
    if (left-- <= 0) return server.injectSocket(socket);
    // Before the library says a word; with 1:100:1 sshd does the same.
    taken += 1;
    socket.resume().end("Exceeded MaxStartups\r\n");
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    hostKey: hostKeys.publicKey.split(" ").slice(0, 2).join(" "),
    get taken() {
      return taken;
    },
    cutConnections: () => {
      for (const connection of connections) connection.end();
    },
    close: () =>
      new Promise((resolve) => {
        for (const connection of connections) connection.end();
        listener.close(() => resolve());
      }),
  };
}
