/** Looks at every host twice a second while a run lasts, and asks the witness at its end. */
import { setTimeout as sleep } from "node:timers/promises";
import type { AgentStatus } from "../../../contract/wire/agent-status.ts";
import { witnessEvents } from "../../../lab/hosts/chain.ts";
import type { Lab } from "../../../lab/hosts/description.ts";
import { lookAtAll } from "../look.ts";
import type { Sample, Signature } from "./timeline.ts";

const everyMs = 500;

export interface Sampler {
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  stop(): Promise<void>;
}

export function startSampler(lab: Lab): Sampler {
  const samples = new Map<string, Sample[]>(lab.hosts.map(({ name }) => [name, []]));
  const stopped = new AbortController();
  const looking = (async () => {
    while (!stopped.signal.aborted) {
      const atMs = Date.now();
      for (const [host, status] of await lookAtAll(lab)) samples.get(host)?.push(sampleFrom(status, atMs));
      await sleep(everyMs - ((Date.now() - atMs) % everyMs), undefined, { signal: stopped.signal }).catch(() => {});
    }
  })();
  return {
    samples,
    async stop() {
      stopped.abort();
      await looking;
    },
  };
}

function sampleFrom(status: AgentStatus | null, atMs: number): Sample {
  if (status === null) return { atMs, role: null, epoch: null, leaseMs: null, fence: null, key: false };
  const { role, epoch, lease, fence, key } = status;
  return {
    atMs,
    role,
    epoch,
    leaseMs: lease?.remainingMs ?? null,
    fence: fence.armed ? (fence.open ? "open" : "shut") : "off",
    key: key.loaded,
  };
}

/** The number that the witness's next event will have. */
export async function nextEvent(lab: Lab): Promise<number> {
  return ((await witnessEvents(lab, 0)).at(-1)?.seq ?? 0) + 1;
}

/** What each host signed for our validator since event number `since`, as it arrived. */
export async function signaturesSince(lab: Lab, since: number): Promise<Map<string, Signature[]>> {
  const signatures = (await witnessEvents(lab, since)).flatMap(({ event }) =>
    event.type === "signature" && event.account === lab.chain?.account ? [event] : [],
  );
  const byHost = Map.groupBy(signatures, ({ host }) => host);
  return new Map(
    [...byHost].map(([host, all]) => [
      host,
      all.map(({ arrivedMs, height, kind }) => ({ atMs: arrivedMs, height, block: kind === "block" })),
    ]),
  );
}
