import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { emptyTree, mountPointsIn, removeTree } from "./mounts.ts";

let root: string;
let home: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "holdfast-mounts-"));
  home = join(root, "neard");
  mkdirSync(join(home, "data/hot"), { recursive: true });
  mkdirSync(join(home, "lost+found"));
  for (const file of ["config.json", "data/a.sst", "data/hot/b.sst"]) writeFileSync(join(home, file), "");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("mount points, with blanks in their names", () =>
  expect(
    mountPointsIn(
      "36 35 98:0 /mnt1 /var/lib/neard rw,noatime master:1 - ext4 /dev/sdb rw\n37 35 0:5 / /mnt/a\\040b rw - tmpfs x rw\n",
    ),
  ).toEqual(["/var/lib/neard", "/mnt/a b"]));

test("without a mount everything goes", async () => {
  expect(await removeTree(home, ["/", root])).toBe(true);
  expect(existsSync(home)).toBe(false);
});

test("a mount point is emptied and stays, and so does its file system's lost+found", async () => {
  expect(await removeTree(home, ["/", home])).toBe(false);
  expect(readdirSync(home)).toEqual(["lost+found"]);
});

test("a mount point further down is emptied, and stays with the way to it", async () => {
  expect(await removeTree(home, [join(home, "data/hot")])).toBe(false);
  expect(readdirSync(home)).toEqual(["data"]);
  expect(readdirSync(join(home, "data"))).toEqual(["hot"]);
  expect(readdirSync(join(home, "data/hot"))).toEqual([]);
});

test("a neighbour with the same beginning is no mount of ours", async () => {
  expect(await removeTree(home, [`${home}-old`])).toBe(true);
});

test("what is not there is gone", async () => {
  expect(await removeTree(join(root, "none"))).toBe(true);
});

test("emptied without being a mount point, lost+found is nothing special", async () => {
  await emptyTree(home, []);
  expect(readdirSync(home)).toEqual([]);
});
