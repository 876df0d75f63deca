import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BuiltBefore } from "./built-before.ts";

let root: string;
let built: { path: string; sha256: string };
const laterMs = () => Date.now() + 60_000;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "built-before-"));
  for (const source of ["a.ts", "b.ts"]) writeFileSync(join(root, source), `// ${source}`);
  built = { path: join(root, "out.mjs"), sha256: "ab".repeat(32) };
  writeFileSync(built.path, "built");
});
afterEach(() => rmSync(root, { recursive: true }));

test("a build is found again as long as its sources have the same content, whatever their times", async () => {
  const before = new BuiltBefore(root, join(root, "cache"));
  expect(before.find()).toBeUndefined();
  await before.remember(built, ["a.ts", "b.ts"], laterMs());
  utimesSync(join(root, "a.ts"), 1, 1);
  expect(before.find()).toEqual(built);
  expect(new BuiltBefore(join(root, "elsewhere"), join(root, "cache")).find()).toBeUndefined();
});

test.each([
  ["a source changes", () => writeFileSync(join(root, "b.ts"), "// other")],
  ["a source goes", () => rmSync(join(root, "b.ts"))],
  ["a source comes that was missed", () => writeFileSync(join(root, "c.ts"), "")],
  ["the built file goes", () => rmSync(built.path)],
])("it is not found when %s", async (_what, change) => {
  const before = new BuiltBefore(root, join(root, "cache"));
  await before.remember(built, ["a.ts", "b.ts", "c.ts"], laterMs());
  expect(before.find()).toEqual(built);
  change();
  expect(before.find()).toBeUndefined();
});

test("a build during which a source was written is not remembered", async () => {
  const before = new BuiltBefore(root, join(root, "cache"));
  await before.remember(built, ["a.ts", "b.ts"], Date.now());
  expect(before.find()).toBeUndefined();
});
