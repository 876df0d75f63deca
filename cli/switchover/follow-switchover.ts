/**
 * Follows a switchover to its end. The old holder knows most of it; when it is silent, the new one is asked.
 * Awkward case: the old holder dies in the middle of it. Nobody has the story then, but a standby takes over by
 * itself, and the history shows that.
 */
import type { SwitchoverProgress } from "../../contract/agent-status.ts";
import { HoldfastError } from "../../contract/errors.ts";
import { getSwitchover } from "../hosts/agent-client.ts";
import type { HostLinks } from "../hosts/host-links.ts";
import type { Ports } from "../ports.ts";
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
    const progress = (await firstAnswer(links, id, options)) ?? (await takenOver(links, id, options));
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

/** What the history has of it; undefined while it has nothing new. */
async function takenOver(
  links: HostLinks,
  id: string,
  { from, candidates, epochBefore }: FollowOptions,
): Promise<SwitchoverProgress | undefined> {
  if (epochBefore === null) return undefined;
  for (const host of candidates) {
    const entry = await entryAfter(links, host, epochBefore);
    if (entry !== undefined) return { id, state: "done", from, to: entry.host, because: entry.because };
  }
  return undefined;
}
