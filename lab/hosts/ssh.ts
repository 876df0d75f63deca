/** Commands on a host, as anybody runs them on a server: over SSH, with the pinned host key. */
import { type ExecaError, execa, type Options } from "execa";
import { HoldfastError } from "../../contract/errors.ts";
import { type Lab, type LabHost, labPaths } from "./description.ts";
import { environment } from "./machine.ts";

/** Arguments of `ssh` up to and including the host. */
export function sshArguments(lab: Lab, host: LabHost): string[] {
  const options = {
    BatchMode: "yes",
    ConnectTimeout: "5",
    HostKeyAlgorithms: "ssh-ed25519",
    IdentitiesOnly: "yes",
    LogLevel: "ERROR",
    ServerAliveInterval: "10",
    StrictHostKeyChecking: "yes",
    UserKnownHostsFile: labPaths(lab.name).knownHosts,
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return ["-F", "none", ...flags, "-i", lab.sshKeyFile, "-p", String(host.port), `${host.user}@${host.address}`];
}

/**
 * Runs one shell command on the host; what it printed.
 * @param withinMs a bound on the whole
 * @throws HoldfastError HF_LAB with its exit code and what it wrote on stderr
 */
export async function onHost(
  lab: Lab,
  host: LabHost,
  command: string,
  options: { input?: string; withinMs?: number } = {},
): Promise<string> {
  const settings: Options = { env: environment, timeout: options.withinMs ?? 60_000 };
  try {
    const result = await execa("ssh", [...sshArguments(lab, host), command], {
      ...settings,
      ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
    });
    return String(result.stdout);
  } catch (error) {
    const { exitCode, stderr, timedOut } = error as ExecaError;
    const how = timedOut ? "took too long" : `ended with ${exitCode}`;
    throw new HoldfastError("HF_LAB", `"${command}" on ${host.name} ${how}: ${String(stderr).trim()}`, {
      cause: error,
    });
  }
}
