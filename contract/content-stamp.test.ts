import { mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { contentStamp, isSettled } from "./content-stamp.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stamp-"));
  file = join(folder, "file");
  writeFileSync(file, "content");
  utimesSync(file, 1, 1);
});
afterEach(() => rmSync(folder, { recursive: true }));

const look = () => statSync(file, { bigint: true });

test("a file that nobody touched has the same stamp", () => expect(contentStamp(look())).toBe(contentStamp(look())));

test.for<[string, () => void]>([
  ["has other content of the same length, and its old time", () => writeFileSync(file, "CONTENT")],
  ["is longer", () => writeFileSync(file, "content!")],
  [
    "is another file of the same size and time",
    () => {
      writeFileSync(`${file}.new`, "CONTENT");
      renameSync(`${file}.new`, file);
    },
  ],
])("one that %s has another", ([, change]) => {
  const before = contentStamp(look());
  // Its change time is all that tells, and a file system counts that in steps.
  for (const startMs = performance.now(); performance.now() - startMs < 20; );
  change();
  utimesSync(file, 1, 1);
  expect(contentStamp(look())).not.toBe(before);
});

test("a stamp is kept only of a file that has not been written to within the clock's grain, whatever time it claims", () => {
  const writtenMs = Number(look().ctimeNs / 1_000_000n);
  expect(isSettled(look(), writtenMs)).toBe(false);
  expect(isSettled(look(), writtenMs + 2000)).toBe(false);
  expect(isSettled(look(), writtenMs + 2001)).toBe(true);
});
