/**
 * The system's ssh on this terminal, with the pinned host keys and the stack's private key. They lie
 * in a directory of memory (/dev/shm) that only we may enter, and are removed when ssh ends.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HoldfastError } from "../../contract/errors.ts";
import { shellWords } from "../../contract/shell-words.ts";
import type { SshEnd } from "../../ssh/way.ts";
import type { StackHost } from "../ports.ts";
import { type SshAccess, wayTo } from "./ssh-link.ts";

/** @returns ssh's exit code: the remote command's, or 255 when ssh itself failed */
export async function openShell(access: SshAccess, host: StackHost, command: readonly string[]): Promise<number> {
  const directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "holdfast-ssh-"));
  try {
    return await runSsh(sshArguments(access, host, command, directory));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Writes the files into `directory` and names them. */
export function sshArguments(
  { sshAccess }: Pick<SshAccess, "sshAccess">,
  host: StackHost,
  command: readonly string[],
  directory: string,
): string[] {
  const way = wayTo(host);
  const files = { identity: join(directory, "identity"), knownHosts: join(directory, "known_hosts") };
  // The names under which the keys are pinned, whatever the addresses are. No host's name has a dot.
  const jump = way.proxy === null ? [] : [{ alias: "jump.host", ...way.proxy }];
  const known = [{ alias: way.name, ...way }, ...jump].map(({ alias, hostKey }) => `${alias} ${hostKey}\n`);
  writeFileSync(files.knownHosts, known.join(""), { mode: 0o600 });
  const { privateKey } = sshAccess;
  if (privateKey !== undefined) writeFileSync(files.identity, `${privateKey.trimEnd()}\n`, { mode: 0o600 });
  const optionsFor = (alias: string) => [
    `UserKnownHostsFile=${files.knownHosts}`,
    "GlobalKnownHostsFile=/dev/null",
    `HostKeyAlias=${alias}`,
    "StrictHostKeyChecking=yes",
    "LogLevel=ERROR",
    // A host without power says no goodbye: within half a minute ssh ends by itself.
    "ConnectTimeout=10",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=2",
    ...(privateKey === undefined ? [] : [`IdentityFile=${files.identity}`, "IdentitiesOnly=yes"]),
  ];
  const endOf = ({ user, port, host }: SshEnd) => ["-p", String(port), "-l", user, host];
  // ssh hands this to a shell, after it has put in host and port.
  const through = jump.map(({ alias, ...end }) => {
    const words = shellWords(["ssh", ...plain(optionsFor(alias)), ...endOf(end)]).replaceAll("%", "%%");
    return `ProxyCommand=${words.replace("ssh ", "ssh -W '[%h]:%p' ")}`;
  });
  return [
    ...plain([...optionsFor(way.name), ...through]),
    ...endOf(way),
    ...(command.length === 0 ? [] : ["--", ...command]),
  ];
}

/** No file of the operator's own may weaken what is said here. */
const plain = (options: readonly string[]) => ["-F", "/dev/null", ...options.flatMap((option) => ["-o", option])];

function runSsh(argv: readonly string[]): Promise<number> {
  const child = spawn("ssh", argv, { stdio: "inherit" });
  // Whoever ends us, or closes our terminal, ends ssh: then the key's file is removed as always.
  const endings = ["SIGTERM", "SIGHUP"] as const;
  const end = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of endings) process.on(signal, end);
  return new Promise<number>((resolve, reject) => {
    child.once("error", (error) => {
      reject(
        new HoldfastError("HF_TOOLCHAIN", `ssh could not be started: ${error.message}`, {
          next: "Install OpenSSH's client: apt-get install openssh-client.",
          cause: error,
        }),
      );
    });
    child.once("exit", (code) => resolve(code ?? 255));
  }).finally(() => {
    for (const signal of endings) process.off(signal, end);
  });
}
