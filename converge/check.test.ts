import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { emptyInventory, nothingDue } from "../contract/wire/pending.ts";
import { ConsulRefused, ConsulUnknown } from "../host/consul/errors.ts";
import type { AclSpec } from "./acl.ts";
import { allQuestions, check, questionOf, withAutopilot } from "./check.ts";
import { SpecStore } from "./spec-store.ts";

let folder: string;
let store: SpecStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "check-"));
  store = new SpecStore(folder, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a concern whose first apply was cut short is unlike what was wanted, and no reason to give up", async () => {
  await store.writePending("neard", { inventory: emptyInventory, due: nothingDue, disturbs: [] });
  const [question, ...others] = await allQuestions(store);
  expect(question).toEqual({ concern: "neard", spec: null });
  expect(others).toEqual([]);
  const found = question === undefined ? null : await check(question, null, store, () => {});
  expect(found?.changes).toEqual([{ what: "neard", why: "an earlier apply was cut short" }]);
  expect(await questionOf("neard", store)).toEqual(question);
});

test("a concern that was never applied cannot be compared with anything", async () => {
  await expect(questionOf("consul", store)).rejects.toThrow(/consul was never applied/);
});

test.each<[string, () => Promise<Record<string, unknown> | null>, string[], string[]]>([
  ["as wanted", async () => ({ MinQuorum: 3, MaxTrailingLogs: 250 }), [], []],
  ["autopilot was changed", async () => ({ MinQuorum: 1 }), ["consul autopilot: MinQuorum"], []],
  [
    "all of Consul's data is lost: it knows this host's token no more, and an apply sets its ACLs up anew",
    () => Promise.reject(new ConsulRefused(403, "ACL not found")),
    ["consul token of this host: Consul does not know it"],
    [],
  ],
  [
    "the token may not ask: an apply would change nothing in that",
    () => Promise.reject(new ConsulRefused(403, "Permission denied")),
    [],
    ["consul autopilot: could not be asked for: Permission denied"],
  ],
  [
    "no answer",
    () => Promise.reject(new ConsulUnknown("No cluster leader")),
    [],
    ["consul autopilot: could not be asked for: No cluster leader"],
  ],
])("what Consul has, %s", async (_, read, changes, notes) => {
  const spec: AclSpec = { managementSecret: "m", policies: [], tokens: [], gone: [], autopilot: { MinQuorum: 3 } };
  const words = (all: readonly { what: string; why: string }[]) => all.map(({ what, why }) => `${what}: ${why}`);
  const found = await withAutopilot(spec, { changes: [], notes: [] }, read);
  expect(words(found.changes)).toEqual(changes);
  expect(words(found.notes)).toEqual(notes);
});
