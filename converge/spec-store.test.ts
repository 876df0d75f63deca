import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hostSpecSchema } from "../contract/wire/host-spec.ts";
import { emptyInventory, nothingDue } from "../contract/wire/pending.ts";
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
  expect(await readdir(directory)).toEqual(["system.json", "system.spec.json"]);
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

describe("a spec that has more than 0.1 knows", () => {
  const more = hostSpecSchema.parse({
    host: "host-a",
    concern: "system",
    directories: [{ path: "/run/key", mode: "0750", inMemory: true }],
    units: [{ name: "f.service", nftTable: { table: "t", file: "/f" } }],
    commands: [{ argv: ["sysctl"], on: ["/s"], settings: "/s" }],
  });
  const file = (name: string) => join(directory, name);
  const first = async () => JSON.parse(await readFile(file("system.json"), "utf8"));

  test("is kept whole, and beside that as 0.1 reads it", async () => {
    await store.complete(more);
    expect(await store.readSpec("system")).toEqual(more);
    const { directories, units, commands, format } = await first();
    expect([directories[0].inMemory, units[0].nftTable, commands[0].settings, format]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(directories[0].path).toBe("/run/key");
  });

  test("an older release that has applied since is believed, not what it knew nothing of", async () => {
    await store.complete(more);
    const older = { ...(await first()), directories: [] };
    await writeFile(file("system.json"), JSON.stringify(older));
    expect((await store.readSpec("system"))?.directories).toEqual([]);
    // And one that has removed it.
    await rm(file("system.json"));
    expect(await store.readSpec("system")).toBeNull();
  });

  test("cut off between the two files, the old one counts", async () => {
    await store.complete(more);
    const before = await readFile(file("system.json"), "utf8");
    await store.complete({ ...more, units: [] });
    await writeFile(file("system.json"), before);
    expect((await store.readSpec("system"))?.units.map(({ name }) => name)).toEqual(["f.service"]);
  });

  test("of a newer release, or damaged, the first counts; and that itself is never taken for nothing", async () => {
    await store.complete(more);
    for (const text of ['{"format": 2, "beside": "x"}', "{"]) {
      await writeFile(file("system.spec.json"), text);
      expect((await store.readSpec("system"))?.directories[0]).toMatchObject({ path: "/run/key", inMemory: false });
    }
    await writeFile(file("system.json"), '{"format": 2}');
    await expect(store.readSpec("system")).rejects.toThrow(/system.json is of a newer release \(format 2\)/);
    await writeFile(file("system.pending.json"), '{"format": 2}');
    await expect(store.readPending("system")).rejects.toThrow(/is of a newer release/);
  });
});
