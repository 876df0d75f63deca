/** Waits for a cluster on which a scenario may begin: one host active and signing, another ready. */
import { setTimeout as sleep } from "node:timers/promises";
import type { AgentStatus } from "../../contract/wire/agent-status.ts";
import { askWitness } from "../../lab/hosts/chain.ts";
import type { Lab } from "../../lab/hosts/description.ts";
import { lookAtAll } from "./look.ts";

export interface Roles {
  readonly active: string;
  readonly epoch: number;
  readonly standby: string;
}

/** Nobody heard for longer than this is not signing. A real chain tells of a block a moment later, and may be slow. */
const silentMs = 2500;
const realSilentMs = 6000;

/** Null when healthy with these roles, else what is amiss. Pure. */
export function unhealthyBecause(statuses: ReadonlyMap<string, AgentStatus | null>): string | null {
  const said = [...statuses].map(([host, status]) => `${host}: ${status?.role ?? "no answer"}, ${status?.because}`);
  const all = [...statuses.values()].filter((status) => status !== null);
  if (all.length < statuses.size) return said.join("; ");
  const sick = all.filter(({ consul }) => !consul.reachable || !consul.healthy || !consul.voter);
  if (sick.length > 0) return `Consul is not well on ${sick.map(({ host }) => host).join(", ")}`;
  if (all.filter(({ role, key }) => role === "active" && key.loaded).length !== 1) return said.join("; ");
  if (!all.some(({ ready }) => ready)) return `no standby is ready: ${said.join("; ")}`;
  if (all.some(({ paused }) => paused)) return "the cluster is paused";
  return null;
}

/** @throws Error with what was amiss last */
export async function untilHealthy(lab: Lab, boundMs: number): Promise<Roles> {
  const giveUpAt = performance.now() + boundMs;
  for (;;) {
    const statuses = await lookAtAll(lab);
    let amiss = unhealthyBecause(statuses);
    if (amiss === null) {
      const active = [...statuses.values()].find((status) => status?.role === "active");
      const standby = [...statuses.values()].find((status) => status?.ready);
      const { current } = await askWitness(lab);
      if (
        active &&
        standby &&
        current?.host === active.host &&
        current.silentMs < (lab.neard === null ? silentMs : realSilentMs)
      )
        return { active: active.host, epoch: active.epoch ?? 0, standby: standby.host };
      amiss = `the witness hears ${current === null ? "nobody" : `${current.host} ${current.silentMs} ms ago`}`;
    }
    if (performance.now() > giveUpAt) throw new Error(`not healthy within ${boundMs / 1000} s: ${amiss}`);
    await sleep(250);
  }
}
