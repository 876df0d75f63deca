import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DoubtFile } from "./doubt-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-doubt-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("the next agent knows it, until it is over", () => {
  const path = join(folder, "lock-doubted");
  expect(new DoubtFile(path).load()).toBe(false);
  new DoubtFile(path).save(true);
  new DoubtFile(path).save(true);
  expect(new DoubtFile(path).load()).toBe(true);
  new DoubtFile(path).save(false);
  new DoubtFile(path).save(false);
  expect(new DoubtFile(path).load()).toBe(false);
});

test("what cannot be read is a doubt", () => {
  writeFileSync(join(folder, "no-folder"), "");
  expect(new DoubtFile(join(folder, "no-folder", "lock-doubted")).load()).toBe(true);
});
