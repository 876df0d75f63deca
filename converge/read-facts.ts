/** Reads from the host what `plan-steps.ts` wants to know. Changes nothing. */
import { existsSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { asideOf } from "../contract/deployment.ts";
import type { HostSpec } from "../contract/wire/host-spec.ts";
import { type Before, nothingBefore } from "../contract/wire/identity.ts";
import { emptyInventory } from "../contract/wire/pending.ts";
import { type Accounts, readAccounts } from "./accounts.ts";
import type { HostFacts, PathFact } from "./facts.ts";
import { fileDigest } from "./file-digest.ts";
import { readIdentity } from "./identity.ts";
import { inventoryOf, union } from "./inventory.ts";
import { type Look, lookFor } from "./look.ts";
import { readInForce } from "./read-in-force.ts";
import type { SpecStore } from "./spec-store.ts";

/** @param look for concerns that are only looked at, together; who is about to change one leaves it out, and asks anew */
export async function readFacts(spec: HostSpec, store: SpecStore, look: Look = lookFor([spec])): Promise<HostFacts> {
  const stored = await store.readSpec(spec.concern);
  const pending = await store.readPending(spec.concern);
  const elsewhere = await store.inventoryElsewhere(spec.concern);
  const accounts = await readAccounts();
  const all = union(
    inventoryOf(spec),
    stored === null ? emptyInventory : inventoryOf(stored),
    pending?.inventory ?? emptyInventory,
  );
  const places = [...all.directories.map(({ path }) => path), ...all.files];
  const units = await look.units(spec.units.map((unit) => unit.name));
  return {
    users: accounts.users,
    paths: new Map(
      await Promise.all(places.map(async (path) => [path, await readPath(path, accounts, look.digest)] as const)),
    ),
    credentials: new Map(
      await Promise.all(spec.credentials.map(async ({ name }) => [name, await look.credential(name)] as const)),
    ),
    units,
    inForce: await readInForce(spec, units),
    stored,
    pending,
    elsewhere,
    before: notYetAside((await readIdentity())?.before ?? nothingBefore),
  };
}

function notYetAside(before: Before): Before {
  return { ...before, files: before.files.filter((path) => existsSync(path) && !existsSync(asideOf(path))) };
}

/** @param accounts for the names of owner and group; an id without a name stays a number. */
export async function readPath(
  path: string,
  accounts: Accounts,
  digest: (path: string) => Promise<string> = fileDigest,
): Promise<PathFact> {
  const stat = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    // ENOTDIR: a file where a parent directory should be.
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    throw error;
  });
  if (stat === null) return { kind: "absent" };
  const attributes = {
    mode: (stat.mode & 0o7777).toString(8).padStart(4, "0"),
    owner: nameOf(accounts.uidOf, stat.uid),
    group: nameOf(accounts.gidOf, stat.gid),
  };
  if (stat.isDirectory()) return { kind: "directory", ...attributes };
  if (!stat.isFile()) return { kind: "other" };
  return { kind: "file", ...attributes, sha256: await digest(path) };
}

function nameOf(ids: ReadonlyMap<string, number>, wanted: number): string {
  for (const [name, id] of ids) if (id === wanted) return name;
  return String(wanted);
}
