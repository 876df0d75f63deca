/** Journals of hosts, read with journalctl over SSH. One host that does not answer keeps no other's lines back. */
import { describeError, HoldfastError } from "../../contract/errors.ts";
import type { HostLink, Ports } from "../ports.ts";
import { mergeByTime, readable, splitLines } from "./log-lines.ts";

export interface LogRequest {
  /** systemd's name of the unit. */
  readonly unit: string;
  readonly lines: number;
  /** As in the journal, the agent's JSON too. */
  readonly raw: boolean;
}

/** Prints what there is. @returns one text for each host that failed */
export async function readLogs(
  ports: Pick<Ports, "terminal">,
  links: readonly HostLink[],
  request: LogRequest,
): Promise<string[]> {
  const failures: string[] = [];
  const read = async (link: HostLink) => {
    const result = await link.run(journalctl(request, false));
    if (result.code !== 0) throw journalError(link.host, result.stderr);
    return { host: link.host, lines: splitLines(result.stdout) };
  };
  const results = await Promise.allSettled(links.map(read));
  const journals = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  for (const result of results) if (result.status === "rejected") failures.push(describeError(result.reason));
  for (const { host, lines } of journals)
    if (lines.length === 0) ports.terminal.err(`${host} has no line of ${request.unit} in its journal.\n`);
  const prefixed = links.length > 1;
  for (const { host, line } of mergeByTime(journals))
    ports.terminal.out(`${prefix(links, host, prefixed)}${request.raw ? line : readable(line)}\n`);
  return failures;
}

/** Prints lines as they come, until Ctrl-C. @returns one text for each host that failed */
export async function followLogs(
  ports: Pick<Ports, "terminal" | "interrupted">,
  links: readonly HostLink[],
  request: LogRequest,
): Promise<string[]> {
  const follow = async (link: HostLink): Promise<string[]> => {
    let rest = "";
    try {
      const result = await link.run(journalctl(request, true), {
        signal: ports.interrupted,
        onStdout(text) {
          const lines = (rest + text).split("\n");
          rest = lines.pop() ?? "";
          for (const line of lines)
            ports.terminal.out(`${prefix(links, link.host, links.length > 1)}${request.raw ? line : readable(line)}\n`);
        },
      });
      if (ports.interrupted.aborted) return [];
      throw journalError(link.host, result.stderr);
    } catch (error) {
      return [describeError(error)];
    }
  };
  return (await Promise.all(links.map(follow))).flat();
}

function journalctl({ unit, lines }: LogRequest, follow: boolean): string[] {
  const argv = ["journalctl", "--unit", unit, "--lines", String(lines), "--output", "short-iso-precise", "--utc"];
  return [...argv, "--quiet", "--no-pager", ...(follow ? ["--follow"] : [])];
}

function journalError(host: string, stderr: string): HoldfastError {
  const why = stderr.trim() || "the connection ended";
  return new HoldfastError("HF_HOST_UNREACHABLE", `The journal of ${host} could not be read further: ${why}`);
}

function prefix(links: readonly HostLink[], host: string, wanted: boolean): string {
  if (!wanted) return "";
  return `${host.padEnd(Math.max(...links.map((link) => link.host.length)))} | `;
}
