/**
 * What a release writes, by its own code: one example of each shape that outlives a program or goes between two. Made by the
 * very parts that make it on a host, where they can be run without one.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { base58 } from "@scure/base";
import type { Executor } from "../../agent/run/executor.ts";
import { consulKeys } from "../../contract/topology.ts";
import { plannedBy, short, specsBy } from "./planned.ts";
import { load } from "./tree.ts";

/** By shape: what JSON.parse makes of its text. */
export type Written = Readonly<Record<string, unknown>>;

export const keys = consulKeys("localnet", "validator.localnet");
/** The same in every run. */
export const validatorKey = {
  accountId: "validator.localnet",
  publicKey: "ed25519:fixed",
  secretKey: `ed25519:${base58.encode(new Uint8Array(64).fill(7))}`,
};
export const boot = "6d1f5f0e-0000-4000-8000-000000000001";

export async function writtenBy(root: string): Promise<Written> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-wire-"));
  try {
    return { ...(await inConsul(root)), ...(await onDisk(root, folder)), ...(await exchanged(root)) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Effect = Parameters<Executor["start"]>[0];

/** What an agent writes into Consul, as its executor asks Consul to. */
async function inConsul(root: string): Promise<Written> {
  const { Executor: Own } = await load<typeof import("../../agent/run/executor.ts")>(root, ["agent/run/executor.ts"]);
  const { defaultTiming: lease } = await load<typeof import("../../contract/timing.ts")>(root, ["contract/timing.ts"]);
  const values: string[] = [];
  const consul = {
    transact: async (operations: readonly { value?: string }[]) => {
      values.push(operations.at(-1)?.value ?? "");
      return { committed: true, entries: [{ lockIndex: 5 }] };
    },
    put: async (_key: string, value: string) => {
      values.push(value);
      return true;
    },
    destroySession: async () => {},
  };
  const servers = { use: async (ask: (client: typeof consul) => unknown) => await ask(consul) };
  const clock = { bootMs: () => 90_000, wallMs: () => Date.UTC(2026, 10, 29), sleep: async () => {} };
  const executor = new Own(
    {
      config: { host: "host-b", account: "validator.localnet", lease },
      keys,
      clock,
      servers,
      custody: { sealer: await sealerOf(root) },
      leaseFile: { forget: () => {} },
      history: await journalOf(root, { servers, clock }),
      log: { warn: (_: object, text: string) => values.push(text) },
    } as never,
    () => {},
    () => {},
  );
  const lastOf = async (effect: unknown): Promise<unknown> => {
    executor.start(effect as Effect);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return JSON.parse(values.at(-1) ?? "null");
  };
  const held = { session: "session-b", epoch: 5 };
  const sealer = await sealerOf(root);
  const marker = { by: "host-b", to: "host-a", switchover: "s1", because: "switchover from host-b", height: 90 };
  // 0.1 counted no deaths.
  const released = { ...marker, ...held, ...(sealer === undefined ? {} : { deaths: 0 }) };
  return {
    lockTaken: await lastOf({
      do: "take-over",
      serial: 1,
      session: "session-b",
      lock: { modifyIndex: 7, lockIndex: 4, session: null },
      unlessPaused: false,
    }),
    lockRenewed: await lastOf({ do: "renew", ...held, seq: 8, heardMs: 6500 }),
    lockReleased: await lastOf({
      do: "release",
      serial: 2,
      session: "session-b",
      seq: 9,
      marker: released,
    }),
    switchoverNote: await lastOf({ do: "ask-switchover", note: { id: "s1", from: "host-b", to: "host-a" } }),
    historyEntry: await lastOf({ do: "write-history", epoch: 5, tookMs: 400, keyAtMs: 89_000, story, heard: null }),
    hostNote: await hostNoteBy(root),
    ...(await notesBy(root)),
  };
}

export const story = {
  from: "host-a",
  kind: "failover",
  because: "host-a was not seen renewing for 7 s",
  startedMs: 88_000,
  lastSeenMs: 81_000,
  deaths: 0,
  silent: "host-a",
  fenced: null,
} as const;

/** Undefined: a release of before the seals. */
async function sealerOf(root: string): Promise<unknown> {
  try {
    const { sealerFrom } = await load<typeof import("../../agent/lease/seal.ts")>(root, ["agent/lease/seal.ts"]);
    return sealerFrom([validatorKey], keys.lock);
  } catch {
    return undefined;
  }
}

/** Undefined: a release whose executor writes the history itself. */
async function journalOf(root: string, edge: object): Promise<unknown> {
  try {
    const place = "agent/run/history-journal.ts";
    const { HistoryJournal } = await load<typeof import("../../agent/run/history-journal.ts")>(root, [place]);
    return new HistoryJournal({
      ...edge,
      keyOf: keys.history,
      file: { load: () => [], save: () => {} },
      log: { warn: () => {} },
    } as never);
  } catch {
    return undefined;
  }
}

async function hostNoteBy(root: string): Promise<unknown> {
  const { Core, heldByA } = await load<typeof import("../../agent/role/testing.ts")>(root, ["agent/role/testing.ts"]);
  const core = new Core().tell({ is: "key-checked", available: true }).live(7000, heldByA(50));
  return JSON.parse(core.effects.findLast((effect) => effect.do === "publish")?.text ?? "null");
}

/** Those that are no more than an object: the release's schema has checked it. */
async function notesBy(root: string): Promise<Written> {
  const at = "2026-11-29T00:00:00.000Z";
  const maintenance = { host: "host-a", state: "working", at };
  const failure = { host: "host-a", error: "neard refuses its configuration", at };
  const pause = { by: "host-a", reason: "a try", at };
  const connections = { connections: [{ port: 24567, address: "192.0.2.1", peerPort: 40_000 }] };
  const notes = await load<typeof import("../../contract/wire/notes.ts")>(root, ["contract/wire/notes.ts"]).catch(
    () => null,
  );
  if (notes === null) return { maintenanceNote: maintenance, failureNote: failure, pauseNote: pause };
  const { stamped } = await load<typeof import("../../contract/wire/format.ts")>(root, ["contract/wire/format.ts"]);
  return {
    maintenanceNote: stamped(notes.maintenanceNoteShape, maintenance),
    failureNote: stamped(notes.failureNoteShape, failure),
    pauseNote: stamped(notes.pauseNoteShape, pause),
    connectionsNote: stamped(notes.connectionsNoteShape, connections),
  };
}

/** What lies on a host. */
async function onDisk(root: string, folder: string): Promise<Written> {
  const written = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), "utf8"));
  const { LeaseFile } = await load<typeof import("../../agent/lease/lease-file.ts")>(root, [
    "agent/lease/lease-file.ts",
  ]);
  const lease = {
    session: "session-b",
    epoch: 5,
    deadlineMs: 96_500,
    lastSentMs: 90_000,
    seq: 8,
    sessionRenewedMs: 89_000,
    fedMs: 90_010,
    fedUntilMs: 96_500,
  };
  new LeaseFile(join(folder, "lease.json"), boot).save(lease, { story, activeMs: 89_500 });
  const { SpecStore } = await load<typeof import("../../converge/spec-store.ts")>(root, [
    "converge/spec-store.ts",
    "agent/converge/spec-store.ts",
  ]);
  const store = new SpecStore(folder, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
  const specs = await specsBy(root);
  for (const spec of specs) await store.complete(spec as never);
  await store.writePending("neard", {
    inventory: { users: [], directories: [{ path: "/d", owned: true }], files: ["/f"], units: ["u.service"] },
    due: { restart: ["u.service"], reload: [], commands: [] },
    disturbs: ["neard"],
  });
  const whole = await Promise.all(
    specs.map(async ({ concern }) => {
      try {
        return [[`storedSpecWhole/${concern}`, written(`${concern}.spec.json`)]];
      } catch {
        return [];
      }
    }),
  );
  const journal = await load<typeof import("../../agent/run/history-journal.ts")>(root, [
    "agent/run/history-journal.ts",
  ]).catch(() => null);
  const entry = {
    epoch: 5,
    host: "host-b",
    from: "host-a",
    kind: "failover",
    because: "b",
    at: "2026-11-29T00:00:00.000Z",
    tookMs: 400,
    keyMs: 450,
    firstMs: null,
    firstBlockMs: null,
    fenced: null,
  } as const;
  journal?.journalFile(join(folder, "history.json")).save([entry]);
  return {
    leaseFile: written("lease.json"),
    ...Object.fromEntries(specs.map(({ concern }) => [`storedSpec/${concern}`, written(`${concern}.json`)])),
    ...Object.fromEntries(whole.flat() as [string, unknown][]),
    pending: written("neard.pending.json"),
    ...(journal === null ? {} : { historyJournal: written("history.json") }),
    ...(await identityBy(root)),
  };
}

async function identityBy(root: string): Promise<Written> {
  const claim = {
    id: "hf-0123456789abcdef",
    stack: "organization/holdfast/sample",
    network: "localnet",
    account: "validator.localnet",
  };
  const whole = {
    ...claim,
    host: "host-a",
    since: "2026-11-29T00:00:00.000Z",
    adopted: [],
    before: { users: [], files: [], directories: [] },
  };
  const module = await load<typeof import("../../contract/wire/identity.ts")>(root, [
    "contract/wire/identity.ts",
  ]).catch(() => null);
  if (module === null) return {};
  const { stamped } = await load<typeof import("../../contract/wire/format.ts")>(root, ["contract/wire/format.ts"]);
  return { identity: stamped(module.identityShape, whole) };
}

/** What goes between two programs at once. */
async function exchanged(root: string): Promise<Written> {
  const cluster = await load<typeof import("../../cli/testing/cluster.ts")>(root, ["cli/testing/cluster.ts"]);
  const specs = (await plannedBy(root)) as { concern: string; files?: { path: string; lines: string[] }[] }[];
  const agentConfig = specs.flatMap(({ files = [] }) => files).find(({ path }) => path.endsWith("/agent.json"));
  const status = cluster.activeStatus("host-b");
  const outputs = cluster.testOutputs();
  const stamp = await load<typeof import("../../contract/wire/format.ts")>(root, ["contract/wire/format.ts"]).catch(
    () => null,
  );
  const statusModule = await load<typeof import("../../contract/wire/agent-status.ts")>(root, [
    "contract/wire/agent-status.ts",
    "contract/agent-status.ts",
  ]);
  const outputsModule = await load<typeof import("../../contract/wire/stack-outputs.ts")>(root, [
    "contract/wire/stack-outputs.ts",
    "contract/stack-outputs.ts",
  ]);
  return {
    ...Object.fromEntries(specs.map((spec) => [`spec/${spec.concern}`, short(spec)])),
    agentConfig: JSON.parse(agentConfig?.lines.join("\n") ?? "null"),
    status: stamp === null ? status : stamp.stamped(statusModule.agentStatusShape, status),
    stackOutputs: stamp === null ? outputs : stamp.stamped(outputsModule.stackOutputsShape, outputs),
  };
}
