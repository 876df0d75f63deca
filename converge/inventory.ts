/**
 * What a concern has on a host, by name: the part of a spec that somebody must take away again.
 *
 * Idea: an apply notes the inventory before it makes the first thing, so that a spec which lost a file,
 * an apply which was killed, and `remove` all know what is ours without guessing.
 * Awkward case: two concerns may name the same path (a directory, a credential). It goes only with the
 * last of them; `without` takes the others' inventory for that.
 */
import { join } from "node:path";
import { paths } from "../contract/paths.ts";
import type { HostSpec } from "../contract/wire/host-spec.ts";
import type { Inventory } from "../contract/wire/pending.ts";

/** Where the credential `name` rests, sealed. */
export function credentialPath(name: string): string {
  return join(paths.credentials, `${name}.cred`);
}

export function inventoryOf(spec: HostSpec): Inventory {
  return {
    users: spec.users.map((user) => user.name),
    directories: spec.directories.map(({ path, owned }) => ({ path, owned })),
    files: [
      ...spec.artifacts.map((artifact) => artifact.path),
      ...spec.files.map((file) => file.path),
      ...spec.secretFiles.map((file) => file.path),
      ...spec.credentials.map((credential) => credentialPath(credential.name)),
    ],
    units: spec.units.map((unit) => unit.name),
  };
}

/** Everything in any of them, once, in the order of first mention. A directory is owned if one says so. */
export function union(...inventories: readonly Inventory[]): Inventory {
  const directories = new Map<string, boolean>();
  for (const { path, owned } of inventories.flatMap((i) => i.directories))
    directories.set(path, owned || directories.get(path) === true);
  return {
    users: [...new Set(inventories.flatMap((i) => i.users))],
    directories: [...directories].map(([path, owned]) => ({ path, owned })),
    files: [...new Set(inventories.flatMap((i) => i.files))],
    units: [...new Set(inventories.flatMap((i) => i.units))],
  };
}

/** What is in `inventory` and not in `kept`. */
export function without(inventory: Inventory, kept: Inventory): Inventory {
  const keptDirectories = new Set(kept.directories.map((d) => d.path));
  return {
    users: inventory.users.filter((user) => !kept.users.includes(user)),
    directories: inventory.directories.filter(({ path }) => !keptDirectories.has(path)),
    files: inventory.files.filter((file) => !kept.files.includes(file)),
    units: inventory.units.filter((unit) => !kept.units.includes(unit)),
  };
}
