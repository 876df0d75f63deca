/**
 * Records what releases write, and what those that were shipped make of what this tree writes: `node test/wire/record.ts`.
 * Run it when wire.test.ts says that a shape of an unreleased version has changed, and read the difference before it is
 * committed. A release that was shipped is checked out in a worktree of its own, so its own code does it.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../host/version.ts";
import { readBy } from "./read.ts";
import { fixtureOf, shipped } from "./releases.ts";
import { writtenBy } from "./written.ts";

const root = join(import.meta.dirname, "../..");
const git = (...args: string[]) =>
  execFileSync("git", ["-C", root, ...args], { stdio: ["ignore", "ignore", "inherit"] });

const today = await writtenBy(root);
save(version, { written: today });
for (const { release, commit } of shipped) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-release-"));
  const tree = join(folder, "tree");
  git("worktree", "add", "--detach", tree, commit);
  try {
    symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
    const written = await writtenBy(tree);
    save(release, { written, reads: { [release]: await readBy(tree, written), [version]: await readBy(tree, today) } });
  } finally {
    git("worktree", "remove", "--force", tree);
    rmSync(folder, { recursive: true });
  }
}

function save(release: string, fixture: object): void {
  writeFileSync(fixtureOf(release), `${JSON.stringify(fixture, null, 2)}\n`);
  console.log(`${fixtureOf(release)} written`);
}
