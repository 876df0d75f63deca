/**
 * What must be true before an apply says that it succeeded (`healthy` of the spec). Each condition is
 * asked of the program itself, not of systemd: a unit that runs may still be of no use.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { HoldfastError, plainReason } from "../contract/errors.ts";
import { paths } from "../contract/paths.ts";
import type { HostSpec } from "../contract/wire/host-spec.ts";
import { ConsulClient } from "../host/consul/client.ts";
import { ConsulRefused } from "../host/consul/errors.ts";
import { wordFault } from "../host/consul/voters.ts";
import { AgentSocket } from "../host/socket-client.ts";
import { readConsulAccess } from "./consul-access.ts";
import type { UnitFact } from "./facts.ts";
import { Left } from "./left.ts";
import { type Progress, unhurried } from "./progress.ts";
import { readUnits, unitFailure } from "./systemd.ts";

export type Condition = HostSpec["healthy"][number];

/** Null: it is so. Otherwise one clause: what is missing. */
export type Probe = (condition: Condition) => Promise<string | null>;

export interface HealthWait {
  readonly spec: HostSpec;
  /** How long all must hold without a break: after a restart, the cluster's view of this host lags. */
  readonly steadyMs: number;
  /** How long at least from when all held first, units ending in between apart; `because` is a clause. */
  readonly settle?: { readonly ms: number; readonly because: string };
  readonly probe: Probe;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  readonly progress: Progress;
  /** See left.ts. */
  left?(): string | null;
  /** Null when all units of the spec run, else which does not. Throws when systemd gave up on one. */
  probeUnits(): Promise<string | null>;
  /** Makes the error for a wait that came to nothing, with what the units said last. */
  failure(what: string): Promise<HoldfastError>;
}

const lookEveryMs = 500;

/** After a restart: longer than autopilot's two seconds between looks, so that it has seen the new process. */
const afterDisturbanceMs = 3000;
/** With nobody to ask, a program that is still there after this long has read its configuration. */
const unaskedMs = 1000;

/**
 * How long a host must stay healthy. Pure.
 *
 * A Consul server that was restarted counts lock-delays that are long over anew, at the latest from when it has caught up; should
 * it come to lead meanwhile, it refuses the holder's own renewals for as long. So it keeps the maintenance lock until that is over,
 * and the next server is not restarted before. A look that found it slow in between changes nothing of that; its end does.
 * @param lockDelayMs of the lease, where Consul of a living cluster was disturbed, else null
 */
export function steadyAfter(
  spec: Pick<HostSpec, "healthy">,
  disturbed: boolean,
  lockDelayMs: number | null,
): Pick<HealthWait, "steadyMs" | "settle"> {
  if (lockDelayMs !== null && spec.healthy.includes("consul-voter"))
    return {
      steadyMs: afterDisturbanceMs,
      settle: {
        ms: lockDelayMs + 1000,
        because: "it is; no other Consul server is restarted within a lock-delay of this one",
      },
    };
  if (disturbed) return { steadyMs: afterDisturbanceMs };
  return { steadyMs: spec.healthy.length === 0 ? unaskedMs : 0 };
}

/**
 * Waits until all conditions hold.
 * @throws HoldfastError HF_APPLY_FAILED after healthyWithinMs (and what comes on top), or at once when a unit has failed.
 */
export async function waitHealthy(wait: HealthWait): Promise<void> {
  const { spec } = wait;
  const startMs = wait.nowMs();
  const progress = unhurried(wait.progress, wait.nowMs);
  const { settle = { ms: 0, because: "" } } = wait;
  let goodSinceMs: number | null = null;
  let goodFirstMs: number | null = null;
  for (;;) {
    const down = await wait.probeUnits();
    const missing = down ?? (await firstMissing(spec.healthy, wait.probe));
    goodSinceMs = missing === null ? (goodSinceMs ?? wait.nowMs()) : null;
    goodFirstMs = down === null ? (goodFirstMs ?? goodSinceMs) : null;
    const settles = goodFirstMs !== null && wait.nowMs() - goodFirstMs < settle.ms;
    if (goodSinceMs !== null && wait.nowMs() - goodSinceMs >= wait.steadyMs && !settles) return;
    const waitedMs = wait.nowMs() - startMs;
    // One slow answer while it settles is no end: it has until it would have settled, and a while to be steady again.
    const settledMs = goodFirstMs === null ? 0 : goodFirstMs - startMs + settle.ms + wait.steadyMs;
    const more = missing === null ? Math.max(wait.steadyMs, settle.ms) : 0;
    if (waitedMs >= Math.max(spec.healthyWithinMs + more, settledMs))
      throw await wait.failure(
        `${spec.host} ${spec.concern} is not healthy after ${Math.round(waitedMs / 1000)} s (${missing ?? "it does not stay so"})`,
      );
    const how = wait.left?.() ?? null;
    const what = missing ?? (settles ? settle.because : "does it stay so?");
    // Whoever has left: the maintenance lock is kept while it settles, or the next host's Consul would be restarted too soon.
    if (how !== null && !settles) throw new Left(spec.host, `until healthy: ${what}`, how);
    progress(`waiting until healthy: ${what} (${Math.round(waitedMs / 1000)} s)`);
    await wait.sleep(lookEveryMs);
  }
}

async function firstMissing(conditions: readonly Condition[], probe: Probe): Promise<string | null> {
  for (const condition of conditions) {
    const missing = await probe(condition).catch((error: unknown) => plainReason(error));
    if (missing !== null) return `${condition}: ${missing}`;
  }
  return null;
}

/** A program that ends this often while we wait does not mend itself: its configuration is refused, most likely. */
const mostRestarts = 5;

/**
 * Makes HealthWait.probeUnits for one wait on this host; it throws HF_APPLY_FAILED with a unit's last words.
 * @param read what systemd says of the units now.
 */
export function unitsProbe(
  spec: HostSpec,
  read: (names: readonly string[]) => Promise<ReadonlyMap<string, UnitFact>> = readUnits,
): () => Promise<string | null> {
  let first: ReadonlyMap<string, UnitFact> | undefined;
  const fail = async (unit: string, what: string) =>
    await unitFailure(unit, `${spec.host} ${spec.concern}: ${unit} ${what}`);
  return async () => {
    const facts = await read(spec.units.map(({ name }) => name));
    first ??= facts;
    for (const [unit, { failed, restarts }] of facts) {
      if (failed) throw await fail(unit, "has failed");
      const ended = restarts - (first.get(unit)?.restarts ?? 0);
      if (ended >= mostRestarts) throw await fail(unit, `ends as soon as it is started (${ended} times)`);
    }
    for (const [unit, fact] of facts) if (fact.state !== "running") return `${unit} does not run`;
    return null;
  };
}

/** For HealthWait.failure on this host. */
export async function healthFailure(spec: HostSpec, what: string): Promise<HoldfastError> {
  const unit = spec.units.at(-1)?.name;
  if (unit !== undefined) return await unitFailure(unit, what);
  return new HoldfastError("HF_APPLY_FAILED", `${what}.`, { next: "Mend the cause and run pulumi up again." });
}

/** Asks the programs of this host, Consul by one client from when it is set up: to unseal what that takes costs more than the look. */
export function hostProbe(host: string): Probe {
  let consul: ConsulClient | null = null;
  const ownConsul = async () => {
    consul ??= await openOwnConsul();
    return consul;
  };
  return async (condition) => {
    switch (condition) {
      case "consul-client":
        return await clientFault(await ownConsul());
      case "consul-voter":
        return await voterFault(await ownConsul(), host);
      case "neard-synced":
        return await neardFault();
      case "agent": {
        const status = await new AgentSocket().status();
        return status.host === host ? null : `it says that it is ${status.host}`;
      }
    }
  };
}

async function openOwnConsul(): Promise<ConsulClient | null> {
  const access = await readConsulAccess();
  return access === null ? null : new ConsulClient(access[0]);
}

const notSetUp = "it is not set up";

async function clientFault(client: ConsulClient | null): Promise<string | null> {
  if (client === null) return notSetUp;
  return (await client.leader()) === null ? "it knows no leader" : null;
}

async function voterFault(client: ConsulClient | null, host: string): Promise<string | null> {
  if (client === null) return notSetUp;
  if ((await client.leader()) === null) return "there is no leader";
  try {
    // Its own word first: the leader may not have noticed yet that it was restarted.
    const { index } = await client.leadersWord();
    const fault = wordFault(await client.ownWord(), index);
    if (fault !== null) return `it ${fault}`;
    const server = (await client.health()).Servers.find(({ Name }) => Name === host);
    if (server === undefined) return "it is not one of the servers yet";
    if (server.SerfStatus !== "alive") return `the others see it as ${server.SerfStatus}`;
    if (!server.Healthy) return "it is not caught up";
    return server.Voter ? null : "it is not a voter yet";
  } catch (error) {
    // Before the concern `acl` was applied there is no token that may ask; a leader is then all that can be known.
    if (error instanceof ConsulRefused && error.status === 403) return null;
    throw error;
  }
}

const neardConfigSchema = z.object({ rpc: z.object({ addr: z.string() }) });
const neardStatusSchema = z.object({
  sync_info: z.object({ syncing: z.boolean(), latest_block_height: z.number() }),
});

/** neard's own word: GET /health is 200 only when its head is fresh. */
async function neardFault(): Promise<string | null> {
  const url = await neardRpcUrl();
  const status = await fetch(`${url}/status`, { signal: AbortSignal.timeout(2000) });
  if (!status.ok) return `its RPC answers ${status.status}`;
  const { sync_info } = neardStatusSchema.parse(await status.json());
  if (sync_info.syncing) return `syncing, at height ${sync_info.latest_block_height}`;
  const health = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2000) });
  return health.ok ? null : `its head, at height ${sync_info.latest_block_height}, is too old`;
}

async function neardRpcUrl(): Promise<string> {
  const path = join(paths.neardHome, "config.json");
  const { addr } = neardConfigSchema.parse(JSON.parse(await readFile(path, "utf8"))).rpc;
  return `http://${addr.replace(/^0\.0\.0\.0:/, "127.0.0.1:")}`;
}
