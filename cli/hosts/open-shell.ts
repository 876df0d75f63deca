/**
 * The system's ssh on this terminal, with the pinned host key and the stack's private key. Both lie
 * in a directory of memory (/dev/shm) that only we may enter, and are removed when ssh ends.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HoldfastError } from "../../contract/errors.ts";
import type { StackHost } from "../ports.ts";
import type { SshAccess } from "./ssh-link.ts";

/** @returns ssh's exit code: the remote command's, or 255 when ssh itself failed */
export async function openShell(access: SshAccess, host: StackHost, command: readonly string[]): Promise<number> {
  const directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "holdfast-ssh-"));
  try {
    return await runSsh(sshArguments(access, host, command, directory));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Writes the two files into `directory` and names them. */
export function sshArguments(
  { sshAccess }: Pick<SshAccess, "sshAccess">,
  host: StackHost,
  command: readonly string[],
  directory: string,
): string[] {
  const { user, port, hostKey } = host.ssh;
  const knownHosts = join(directory, "known_hosts");
  writeFileSync(knownHosts, `${host.name} ${hostKey}\n`, { mode: 0o600 });
  const options = [
    `UserKnownHostsFile=${knownHosts}`,
    "GlobalKnownHostsFile=/dev/null",
    // The name under which the key is pinned, whatever the address is.
    `HostKeyAlias=${host.name}`,
    "StrictHostKeyChecking=yes",
    "LogLevel=ERROR",
    // A host without power says no goodbye: within half a minute ssh ends by itself.
    "ConnectTimeout=10",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=2",
  ];
  if (sshAccess.privateKey !== undefined) {
    const identity = join(directory, "identity");
    writeFileSync(identity, `${sshAccess.privateKey.trimEnd()}\n`, { mode: 0o600 });
    options.push(`IdentityFile=${identity}`, "IdentitiesOnly=yes");
  }
  return [
    // No file of the operator's own may weaken what is said here.
    ...["-F", "/dev/null"],
    ...options.flatMap((option) => ["-o", option]),
    ...["-p", String(port), "-l", user, host.address],
    ...(command.length === 0 ? [] : ["--", ...command]),
  ];
}

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
