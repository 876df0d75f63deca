/**
 * Follows a switchover to its end: until the successor is active. The old holder knows most of it; when it is silent, the
 * history is asked.
 * Awkward cases: the old holder dies in the middle of it. Nobody has the story then, but a standby takes over by
 * itself, and the history shows that. And an old holder whose agent is of an older version calls it done as soon as the
 * successor has the lock, which that one may give back: so the successor is asked itself.
 */

import { HoldfastError } from "../../contract/errors.ts";
import type { SwitchoverProgress } from "../../contract/wire/agent-status.ts";
import { getSwitchover } from "../hosts/agent-client.ts";
import type { HostLinks } from "../hosts/host-links.ts";
import type { Ports } from "../ports.ts";
import { askHost } from "../status/ask-hosts.ts";
import { entryAfter } from "./outcome.ts";

const pollMs = 200;

export interface FollowOptions {
  readonly from: string;
  /** Any of them may have the key in the end, the best first. */
  readonly candidates: readonly string[];
  /** The lease's epoch when the switchover was asked for; null: not known. */
  readonly epochBefore: number | null;
  readonly timeoutMs: number;
  readonly onProgress: (progress: SwitchoverProgress) => void;
}

/** @throws HoldfastError HF_TIMEOUT when the end was not seen in time; the switchover may still happen */
export async function followSwitchover(
  ports: Pick<Ports, "clock" | "interrupted">,
  links: HostLinks,
  id: string,
  options: FollowOptions,
): Promise<SwitchoverProgress | "interrupted"> {
  const { clock, interrupted } = ports;
  const giveUpMs = clock.monotonicMs() + options.timeoutMs;
  while (clock.monotonicMs() < giveUpMs) {
    if (interrupted.aborted) return "interrupted";
    const said = await firstAnswer(links, id, options);
    const isEnd = said !== undefined && (said.state !== "done" || (await isActive(links, said.to)));
    const progress = isEnd ? said : ((await takenOver(links, id, options)) ?? unconfirmed(said));
    if (progress !== undefined) {
      options.onProgress(progress);
      if (progress.state === "done" || progress.state === "failed") return progress;
    }
    await clock.sleep(pollMs, interrupted);
  }
  throw new HoldfastError(
    "HF_TIMEOUT",
    `The switchover did not end within ${Math.round(options.timeoutMs / 1000)} s, or no host could say so.`,
    { next: "It is not cancelled by this. See where it stands: holdfast status." },
  );
}

/** undefined when nobody answers: the end decides, not one lost question. */
async function firstAnswer(
  links: HostLinks,
  id: string,
  { from, candidates }: FollowOptions,
): Promise<SwitchoverProgress | undefined> {
  for (const host of [from, ...candidates]) {
    try {
      return await getSwitchover(links.of(host), id);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
    }
  }
  return undefined;
}

/** By its own word; one that cannot be asked does not contradict who saw it. */
async function isActive(links: HostLinks, host: string): Promise<boolean> {
  const answer = await askHost(links, host);
  return !("status" in answer) || answer.status.role === "active";
}

function unconfirmed(said: SwitchoverProgress | undefined): SwitchoverProgress | undefined {
  return said && { ...said, state: "running", because: `${said.to} has the lock and is not active yet` };
}

/** What the history has of it: who became active since; undefined while it has nothing new. */
async function takenOver(
  links: HostLinks,
  id: string,
  { from, candidates, epochBefore }: FollowOptions,
): Promise<SwitchoverProgress | undefined> {
  if (epochBefore === null) return undefined;
  for (const host of candidates) {
    const entry = await entryAfter(links, host, epochBefore);
    if (entry === undefined) continue;
    const state = entry.host === from ? "failed" : "done";
    return { id, state, from, to: entry.host, because: state === "done" ? entry.because : `${from} took over again` };
  }
  return undefined;
}
