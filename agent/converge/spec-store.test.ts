import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hostSpecSchema } from "../../contract/host-spec.ts";
import { nothingDue } from "./facts.ts";
import { emptyInventory } from "./inventory.ts";
import { SpecStore } from "./spec-store.ts";

let directory: string;
let store: SpecStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-converge-"));
  store = new SpecStore(directory, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
});
afterEach(() => rm(directory, { recursive: true }));

const system = hostSpecSchema.parse({
  host: "host-a",
  concern: "system",
  directories: [{ path: "/d", mode: "0755", owned: false }],
});
const consul = hostSpecSchema.parse({ host: "host-a", concern: "consul", units: [{ name: "c.service" }] });
const pending = {
  inventory: { ...emptyInventory, files: ["/f"], directories: [{ path: "/d", owned: true }] },
  due: nothingDue,
  disturbs: [],
};

test("nothing is known at first", async () => {
  expect(await store.readSpec("system")).toBeNull();
  expect(await store.readPending("system")).toBeNull();
  expect(await store.known()).toEqual([]);
});

test("a completed apply leaves its spec and no note", async () => {
  await store.writePending("system", pending);
  expect(await store.readPending("system")).toEqual(pending);
  await store.complete(system);
  expect(await store.readSpec("system")).toEqual(system);
  expect(await readdir(directory)).toEqual(["system.json"]);
});

test("a concern is known by its spec or by its note, in the order of concerns, until it is forgotten", async () => {
  await store.writePending("consul", pending);
  await store.complete(system);
  expect(await store.known()).toEqual(["system", "consul"]);
  await store.forget("system");
  await store.forget("consul");
  expect(await readdir(directory)).toEqual([]);
});

test("what the others have: their specs and notes together; owned if one says so", async () => {
  await store.complete(system);
  await store.complete(consul);
  await store.writePending("consul", pending);
  expect(await store.inventoryElsewhere("agent")).toEqual({
    users: [],
    directories: [{ path: "/d", owned: true }],
    files: ["/f"],
    units: ["c.service"],
  });
  expect((await store.inventoryElsewhere("consul")).files).toEqual([]);
});

test("a damaged file is named", async () => {
  await writeFile(join(directory, "system.json"), "{");
  await expect(store.readSpec("system")).rejects.toMatchObject({
    code: "HF_APPLY_FAILED",
    message: expect.stringContaining("system.json is damaged"),
  });
});
