/** Copies of this repository to be broken: in a temporary folder, with the packages linked, removed afterwards. */
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Neither source nor needed by a check; the packages are linked instead. */
const left = new Set(["node_modules", ".git", ".localnet", "dist", "coverage"]);

/** Runs `work` on a copy of the tree at `source` and removes the copy, however `work` ended. */
export async function withCopy<T>(source: string, work: (root: string) => Promise<T>): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), "holdfast-mutation-"));
  try {
    await cp(source, root, { recursive: true, filter: (path) => !left.has(basename(path)) });
    await symlink(join(repository, "node_modules"), join(root, "node_modules"));
    return await work(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
