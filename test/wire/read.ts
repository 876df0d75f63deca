/** What a release makes of what another one has written, by its own readers. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "./tree.ts";
import { boot, keys, validatorKey, type Written } from "./written.ts";

/** `takes`: it acts on it; false: as on something that it cannot read. `is`: as what it takes it, where that can be told. */
export interface Verdict {
  readonly takes: boolean;
  readonly is?: unknown;
}

export async function readBy(root: string, written: Written): Promise<Record<string, Verdict>> {
  const verdicts: Record<string, Verdict> = {};
  for (const [shape, value] of Object.entries(written)) {
    const verdict = await read(root, shape, value).catch((error: Error) => ({ takes: false, is: firstLine(error) }));
    if (verdict !== null) verdicts[shape] = verdict;
  }
  return verdicts;
}

const firstLine = (error: Error): string =>
  error.message
    .split("\n")[0]
    ?.replaceAll(tmpdir(), "")
    .replace(/holdfast-wire-\w+/, "…") ?? "";

/** Null: the release has no reader of it, and never looks. */
async function read(root: string, shape: string, value: unknown): Promise<Verdict | null> {
  const text = JSON.stringify(value);
  const [kind, concern = ""] = shape.split("/");
  switch (kind) {
    case "lockTaken":
    case "lockRenewed":
    case "lockReleased":
      return await lock(root, text, kind === "lockReleased" ? null : "session-b");
    case "hostNote": {
      const { notes } = await observed(root, keys.host("host-b"), text);
      const note = notes["host-b"];
      return note === undefined ? { takes: false } : { takes: note.ready, is: note };
    }
    case "switchoverNote": {
      const { switchover } = await observed(root, keys.switchover, text);
      return { takes: switchover !== null, is: switchover };
    }
    case "pauseNote":
      return { takes: (await observed(root, keys.pause, text)).paused };
    case "maintenanceNote":
    case "failureNote":
    case "connectionsNote":
      return await note(root, kind, value);
    case "leaseFile":
      return await inFolder("lease.json", text, async (folder) => {
        const { LeaseFile } = await load<typeof import("../../agent/lease/lease-file.ts")>(root, [
          "agent/lease/lease-file.ts",
        ]);
        const saved = new LeaseFile(join(folder, "lease.json"), boot).load();
        return { takes: saved !== null, is: saved };
      });
    case "storedSpec":
      return await inFolder(`${concern}.json`, text, async (folder) => {
        const spec = await (await storeIn(root, folder)).readSpec(concern as "agent");
        return { takes: spec !== null, is: { files: spec?.files.length, units: spec?.units.map(({ name }) => name) } };
      });
    case "pending":
      return await inFolder("neard.pending.json", text, async (folder) => {
        const pending = await (await storeIn(root, folder)).readPending("neard");
        return { takes: pending !== null, is: pending };
      });
    case "historyEntry":
      return await bySchema(
        root,
        ["contract/wire/history.ts", "contract/agent-status.ts"],
        ["historyEntryShape", "historyEntrySchema"],
        value,
      );
    case "status":
      return await bySchema(
        root,
        ["contract/wire/agent-status.ts", "contract/agent-status.ts"],
        ["agentStatusShape", "agentStatusSchema"],
        value,
      );
    case "stackOutputs":
      return await bySchema(
        root,
        ["contract/wire/stack-outputs.ts", "contract/stack-outputs.ts"],
        ["stackOutputsShape", "stackOutputsSchema"],
        value,
      );
    case "agentConfig":
      return await bySchema(
        root,
        ["contract/wire/agent-config.ts", "contract/agent-config.ts"],
        ["agentConfigShape", "agentConfigSchema"],
        value,
      );
    case "spec":
      return await bySchema(
        root,
        ["contract/wire/host-spec.ts", "contract/host-spec.ts"],
        ["hostSpecShape", "hostSpecSchema"],
        value,
      );
    case "identity":
      return await bySchema(root, ["contract/wire/identity.ts"], ["identityShape"], value).catch(() => null);
    // Read beside what it belongs to: converge/spec-store.test.ts. And what is for people alone.
    default:
      return null;
  }
}

async function lock(root: string, text: string, session: string | null): Promise<Verdict> {
  const module = await load<typeof import("../../agent/lease/lock-record.ts")>(root, ["agent/lease/lock-record.ts"]);
  const seal = await load<typeof import("../../agent/lease/seal.ts")>(root, ["agent/lease/seal.ts"]).catch(() => null);
  const entry = { key: keys.lock, value: text, modifyIndex: 9, lockIndex: 5, session };
  const view = module.lockViewFrom(entry, seal?.sealerFrom([validatorKey], keys.lock) as never);
  const marker = module.cleanMarker(view);
  const is = { seal: view.seal, heardMs: view.value?.heardMs, marker: marker?.to ?? null };
  return { takes: session === null ? marker !== null : view.value !== null, is };
}

async function observed(root: string, key: string, value: string) {
  const module = await load<typeof import("../../agent/lease/follow.ts")>(root, [
    "agent/lease/follow.ts",
    "agent/consul/follow.ts",
  ]);
  const read = { index: 9, entries: [{ key, value, modifyIndex: 9, lockIndex: 0, session: null }] };
  const ask = module.observedFrom as (...given: unknown[]) => ReturnType<typeof module.observedFrom>;
  const cannotTell = { canTell: false, seal: () => [], isRight: () => false };
  const roll = { answered: () => null };
  // Before the seals it took no sealer, and before fencing no roll call.
  const between = [[], [cannotTell], [cannotTell, roll]][ask.length - 3] ?? [];
  return ask(read, keys, ...between, 0);
}

async function note(
  root: string,
  kind: "maintenanceNote" | "failureNote" | "connectionsNote",
  value: unknown,
): Promise<Verdict | null> {
  const old = { maintenanceNote: "lockNoteSchema", failureNote: "failureNoteSchema", connectionsNote: "" } as const;
  return await bySchema(
    root,
    ["contract/wire/notes.ts", "agent/maintenance/store.ts"],
    [`${kind}Shape`, old[kind]],
    value,
  ).catch(() => null);
}

/** @param names of its shape, or of its schema where the release has no shapes */
async function bySchema(
  root: string,
  places: readonly [string, ...string[]],
  names: readonly string[],
  value: unknown,
): Promise<Verdict> {
  const module = await load<Record<string, unknown>>(root, places);
  const found = names.map((name) => module[name]).find((one) => one !== undefined);
  if (found === undefined) throw new Error(`${places[0]} has none of ${names.join(", ")}`);
  if ("schema" in (found as object)) {
    const { readData } = await load<typeof import("../../contract/wire/format.ts")>(root, ["contract/wire/format.ts"]);
    const reading = readData(found as never, value);
    return reading.is === "read" ? { takes: true } : { takes: false, is: reading.is };
  }
  const { success } = (found as { safeParse(value: unknown): { success: boolean } }).safeParse(value);
  return { takes: success };
}

async function inFolder(name: string, text: string, work: (folder: string) => Promise<Verdict>): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-wire-"));
  try {
    writeFileSync(join(folder, name), text);
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function storeIn(root: string, folder: string) {
  const { SpecStore } = await load<typeof import("../../converge/spec-store.ts")>(root, [
    "converge/spec-store.ts",
    "agent/converge/spec-store.ts",
  ]);
  return new SpecStore(folder);
}
