/**
 * Restoring a snapshot of Consul with nobody signing meanwhile.
 *
 * A snapshot brings back old sessions and locks, so what agents saw before it need not be true any
 * more. First every host with neard lets go, and shows it; then Consul is restored; then all begin
 * anew, with a whole wait. Awkward case: this program can be cut off at any point. The order to stand
 * down has an end of its own, after which each agent begins just as if it had been told.
 */
import { randomUUID } from "node:crypto";
import { HoldfastError } from "../../contract/errors.ts";
import type { AgentStatus } from "../../contract/wire/agent-status.ts";
import { postRestore, postStandDown, postStandUp } from "../hosts/agent-client.ts";
import type { HostLinks } from "../hosts/host-links.ts";
import type { Clock } from "../ports.ts";
import { askHosts } from "../status/ask-hosts.ts";

/** How long hosts keep still if nobody tells them to go on: letting go and restoring take a minute at worst. */
const standDownS = 180;
/** A holder shuts its fence, kills neard, erases the key and starts neard anew within this. */
const letGoMs = 60_000;
/** So much of the order must be left when the restore begins: it is given up after 45 s. */
const leastLeftMs = 60_000;
/** From standing up to an active host: takeoverMs, and Consul and neard coming to rest. */
const comesBackMs = 60_000;
const pollMs = 500;

export interface RestoreWork {
  readonly clock: Clock;
  readonly interrupted: AbortSignal;
  readonly links: HostLinks;
  /** Every host with neard. */
  readonly hosts: readonly string[];
  readonly token: string;
  readonly snapshot: Buffer;
  readonly onProgress: (text: string) => void;
}

export interface Restored {
  /** Through which host's Consul. */
  readonly through: string;
  /** Null: none, for the restored state is paused. */
  readonly active: string | null;
  readonly epoch: number | null;
  readonly paused: boolean;
  /** From the first order to stand down until a host was active again. */
  readonly tookMs: number;
}

/** Statuses of all hosts. @throws HoldfastError HF_REFUSED when one of them does not answer */
export async function statusOfAll(links: HostLinks, hosts: readonly string[]): Promise<AgentStatus[]> {
  const answers = await askHosts(links, hosts);
  const silent = answers.flatMap((answer) => ("error" in answer ? [answer.error.message] : []));
  if (silent.length > 0)
    throw new HoldfastError(
      "HF_REFUSED",
      `A snapshot is restored only when every host with neard is seen to have let go: ${silent.join(" ")}`,
      { next: "Bring it back; if it is gone for good, see to it that it is off, and take it out of the stack first." },
    );
  return answers.flatMap((answer) => ("status" in answer ? [answer.status] : []));
}

/** @throws HoldfastError HF_REFUSED, HF_TIMEOUT, HF_AGENT_UNREACHABLE; hosts were told to go on in any case */
export async function restoreSnapshot(work: RestoreWork): Promise<Restored> {
  const { clock, links, hosts } = work;
  const startMs = clock.monotonicMs();
  const before = await statusOfAll(links, hosts);
  const through = before.find((status) => status.consul.reachable && status.consul.healthy)?.host;
  if (through === undefined)
    throw new HoldfastError("HF_CONSUL", "No host's Consul is in a state to take a snapshot.", {
      next: "Bring a majority of the Consul servers up first: a snapshot is restored into a running cluster.",
    });
  const id = `restore-${randomUUID()}`;
  try {
    // Standbys first, so that nobody takes over what the holder lets go.
    const order = before.toSorted((a, b) => Number("active" === a.role) - Number("active" === b.role));
    for (const { host } of order) {
      work.onProgress(`tells ${host} to stand down`);
      await postStandDown(links.of(host), { id, seconds: standDownS, because: "a snapshot of Consul is restored" });
    }
    await untilStill(work, id);
    work.onProgress(`restores through ${through}`);
    await postRestore(links.of(through), work.token, work.snapshot);
  } finally {
    await standUp(work, id);
  }
  const { active, epoch, paused } = await untilActive(work);
  return { through, active, epoch, paused, tookMs: clock.monotonicMs() - startMs };
}

/** A host that holds nothing, with the fence disarmed, which follows the proof that neard with the key is gone. */
export function isStill(status: AgentStatus, id: string): boolean {
  return status.role === "standby" && status.standDown?.id === id && !status.fence.armed && !status.key.loaded;
}

async function untilStill(work: RestoreWork, id: string): Promise<void> {
  const { clock, links, hosts, interrupted } = work;
  const giveUpMs = clock.monotonicMs() + letGoMs;
  for (;;) {
    const statuses = await statusOfAll(links, hosts);
    const waitingFor = statuses.filter((status) => !isStill(status, id));
    const hasTime = statuses.every((status) => (status.standDown?.remainingMs ?? 0) >= leastLeftMs);
    if (waitingFor.length === 0 && hasTime) return;
    const said = waitingFor.map((status) => `${status.host}: ${status.role}, ${status.because}`).join("; ");
    if (interrupted.aborted) throw new HoldfastError("HF_REFUSED", "Interrupted before anything was restored.");
    if (clock.monotonicMs() >= giveUpMs || waitingFor.length === 0)
      throw new HoldfastError(
        "HF_TIMEOUT",
        `Not every host let go within ${letGoMs / 1000} s (${said || "too little time is left"}). Nothing was restored.`,
        { next: "See what keeps it: holdfast status, holdfast logs HOST. Then try again." },
      );
    work.onProgress(`waits until every host has let go (${said})`);
    await clock.sleep(pollMs, interrupted);
  }
}

/** Who does not hear it goes on when its order ends. */
async function standUp({ links, hosts }: RestoreWork, id: string): Promise<void> {
  await Promise.allSettled(hosts.map(async (host) => await postStandUp(links.of(host), id)));
}

async function untilActive(work: RestoreWork): Promise<Pick<Restored, "active" | "epoch" | "paused">> {
  const { clock, links, hosts, interrupted } = work;
  const giveUpMs = clock.monotonicMs() + comesBackMs;
  for (;;) {
    const answers = await askHosts(links, hosts);
    const statuses = answers.flatMap((answer) => ("status" in answer ? [answer.status] : []));
    const active = statuses.find((status) => status.role === "active" && status.key.loaded);
    const paused = statuses.some((status) => status.paused);
    if (active !== undefined) return { active: active.host, epoch: active.epoch, paused };
    if (paused) return { active: null, epoch: null, paused };
    const said = statuses.map((status) => `${status.host}: ${status.because}`).join("; ");
    if (interrupted.aborted || clock.monotonicMs() >= giveUpMs)
      throw new HoldfastError("HF_TIMEOUT", `The snapshot was restored, but no host is active yet (${said}).`, {
        next: "Watch it: holdfast status --watch. If agents cannot reach Consul any more, its ACLs are older than the stack: docs/operate/snapshots.md says how to make them anew.",
      });
    work.onProgress(`restored; waits for a host to take over (${said})`);
    await clock.sleep(pollMs, interrupted);
  }
}
