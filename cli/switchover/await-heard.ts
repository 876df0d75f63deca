/**
 * After a switchover: does the chain take what the new holder signs? Its agent says so, from the account's counts.
 * Bounded, and the key has moved whatever comes of it. Awkward case: an account that has nothing to do, or an agent of
 * an older version that does not tell: neither is a failure, and neither is called a success.
 */
import type { HeardStatus } from "../../contract/wire/agent-status.ts";
import type { HostLinks } from "../hosts/host-links.ts";
import type { Ports } from "../ports.ts";
import { askHost } from "../status/ask-hosts.ts";
import { formatDuration } from "../terminal/duration.ts";

/** What was to be seen at the end of the wait. */
export interface Heard {
  /** The last that the new holder said; null: it never did. */
  readonly status: HeardStatus | null;
  /** Its agent is of a version that does not say, or nobody waited. */
  readonly isUntold: boolean;
  readonly waitedMs: number;
}

const pollMs = 500;

export async function awaitHeard(
  { clock, interrupted }: Pick<Ports, "clock" | "interrupted">,
  links: HostLinks,
  host: string,
  { timeoutMs, onProgress }: { timeoutMs: number; onProgress: (because: string) => void },
): Promise<Heard> {
  const startMs = clock.monotonicMs();
  let status: HeardStatus | null = null;
  for (;;) {
    const waitedMs = clock.monotonicMs() - startMs;
    if (timeoutMs === 0) return { status, isUntold: true, waitedMs };
    const answer = await askHost(links, host);
    if ("status" in answer) {
      status = answer.status.heard;
      if (status === null && answer.status.role === "active") return { status, isUntold: true, waitedMs };
      if (status?.state === "heard" || status?.state === "idle") return { status, isUntold: false, waitedMs };
      if (status !== null) onProgress(status.because);
    }
    if (waitedMs >= timeoutMs || interrupted.aborted) return { status, isUntold: false, waitedMs };
    await clock.sleep(pollMs, interrupted);
  }
}

/** Nothing speaks against it: it is heard, or there was nothing to hear. */
export function isHeard({ status, isUntold }: Heard): boolean {
  if (isUntold) return true;
  if (status === null || status.state === "not-heard") return false;
  return status.state !== "unknown" || isNothingDue(status);
}

function isNothingDue({ duties }: HeardStatus): boolean {
  return Object.values(duties).every(({ expected }) => expected === 0);
}

/** The last line of `holdfast switchover`. */
export function formatHeard(host: string, heard: Heard): string {
  const { status, isUntold, waitedMs } = heard;
  const waited = formatDuration(waitedMs);
  if (isUntold) return `Whether the chain takes what ${host} signs was not asked for; holdfast status may know.`;
  if (status === null)
    return `Not heard yet: ${host} has not said within ${waited} that it is active. Watch it: holdfast status --watch.`;
  switch (status.state) {
    case "heard":
      return `${host} is heard: the chain took the first of what it signs ${formatDuration(status.firstMs ?? 0)} after it got the key.`;
    case "idle":
      return `${host} has the key; ${status.because}.`;
    case "not-heard":
      return `Not heard yet: ${host} is active, ${status.because}. Watch it: holdfast status --watch.`;
    case "unknown":
      return isNothingDue(status)
        ? `Whether ${host} is heard is not known yet: nothing fell due for it within ${waited}.`
        : `Not heard yet: ${host} is active, ${status.because}. Watch it: holdfast status --watch.`;
  }
}
