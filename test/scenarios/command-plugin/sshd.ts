/** An OpenSSH server of the test's own, on the loopback interface, with its own host key and one allowed key. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Connection } from "../../../toolchain/command-plugin/dial.ts";

export const sshdProgram = "/usr/sbin/sshd";

export interface Sshd {
  connection: Connection;
  /** The public host key, as `TYPE BASE64 COMMENT`. */
  hostKey: string;
  directory: string;
  stop: () => void;
}

const startLimitMs = 5_000;

/** Makes an ed25519 key pair at `path`, `path`.pub. */
export function makeKey(path: string, passphrase = ""): string {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", path]);
  return readFileSync(path, "utf8");
}

export async function startSshd(
  directory: string,
  { sftp = true, more = [] as readonly string[] } = {},
): Promise<Sshd> {
  mkdirSync(directory, { recursive: true });
  if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true }); // sshd wants it for privilege separation
  makeKey(join(directory, "host"));
  const privateKey = makeKey(join(directory, "id"));
  const port = await freePort();
  const lines = [
    // sshd takes the first of what is there twice.
    ...more,
    "ListenAddress 127.0.0.1",
    `Port ${port}`,
    `HostKey ${join(directory, "host")}`,
    `AuthorizedKeysFile ${join(directory, "id.pub")}`,
    "PidFile none",
    "UsePAM no",
    "StrictModes no",
    "PermitRootLogin yes",
    "MaxStartups 100",
    "AcceptEnv ALLOWED_* PULUMI_COMMAND_STDOUT",
    ...(sftp ? ["Subsystem sftp internal-sftp"] : []),
  ];
  const config = join(directory, "sshd_config");
  writeFileSync(config, `${lines.join("\n")}\n`);
  const child: ChildProcess = spawn(sshdProgram, ["-D", "-e", "-f", config], { stdio: "ignore" });
  await untilListening(port, child);
  const hostKey = readFileSync(join(directory, "host.pub"), "utf8").trim();
  return {
    hostKey,
    directory,
    connection: {
      host: "127.0.0.1",
      port,
      user: userInfo().username,
      privateKey,
      hostKey,
      dialErrorLimit: 1,
      perDialTimeout: 5,
    },
    stop: () => child.kill(),
  };
}

export async function freePort(): Promise<number> {
  const server = await listen(0);
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  const until = performance.now() + startLimitMs;
  while (performance.now() < until && child.exitCode === null) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isUp) return;
    await pause(20);
  }
  throw new Error(`sshd did not listen on port ${port}`);
}

export const sshdIsInstalled = existsSync(sshdProgram);
