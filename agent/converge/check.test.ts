import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { allQuestions, check, questionOf } from "./check.ts";
import { nothingDue } from "./facts.ts";
import { emptyInventory } from "./inventory.ts";
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
