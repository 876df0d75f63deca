/** Has a host take itself out of service, and tells how it goes: `holdfastd drain` on it. */
import { HoldfastError } from "../../contract/errors.ts";
import { paths } from "../../contract/paths.ts";
import type { HostLink } from "../ports.ts";

export interface DrainOptions {
  readonly account: string;
  readonly network: string;
  /** The command that goes on from here, if this comes to no end. */
  readonly again: string;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/**
 * @returns false: it was ended by the signal; what the host had begun it brings to its end
 * @throws HoldfastError HF_REFUSED with the host's own reason
 */
export async function drainHost(link: HostLink, options: DrainOptions): Promise<boolean> {
  const { account, network, again, signal, onProgress } = options;
  const who = ["--host", link.host, "--account", account, "--network", network];
  const said: string[] = [];
  const leads = `${link.host} drain: `;
  // What else comes there are the last words, which are told at the end.
  const lines = byLine((line) => {
    said.push(line);
    if (line.startsWith(leads)) onProgress(`${link.host}: ${line.slice(leads.length)}`);
  });
  const result = await link.run([paths.holdfastd, "drain", ...who], {
    signal,
    onStdout: byLine((line) => onProgress(`${link.host}: ${line}`)),
    onStderr: lines,
  });
  if (signal.aborted) return false;
  if (result.code === 0) return true;
  throw failure(link.host, said, result.code, again);
}

/** Chunks to lines; an unfinished one waits for its end. */
function byLine(take: (line: string) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") take(line.trim());
  };
}

/** The host's last words: a sentence, what next, a code. Its `next` speaks of an apply, so ours stands for it. */
function failure(host: string, said: readonly string[], code: number | null, again: string): HoldfastError {
  if (code === null)
    return new HoldfastError(
      "HF_HOST_UNREACHABLE",
      `The connection to ${host} broke while it was taken out of service.`,
      {
        next: `Call it again, it goes on from there: ${again}.`,
      },
    );
  if (said.some((line) => line.includes("unknown command 'drain'")))
    return new HoldfastError(
      "HF_REFUSED",
      `The holdfastd on ${host} is older than this holdfast, and cannot be drained.`,
      {
        next: "Bring the hosts to this version first: pulumi up.",
      },
    );
  const sentence = said.findLast((line) => line.startsWith("holdfastd: "))?.slice("holdfastd: ".length);
  return new HoldfastError(
    "HF_REFUSED",
    sentence ?? `${host} was not taken out of service: ${said.at(-1) ?? `exit code ${code}`}.`,
    {
      next: `Mend that, and call it again, it goes on from there: ${again}.`,
    },
  );
}
