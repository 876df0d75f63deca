import { createHash, randomBytes } from "node:crypto";
import { existsSync, lutimesSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DigestMemory } from "./digest-memory.ts";

let folder: string;
let program: string;
let file: string;
const content = randomBytes(1_500_000);
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const memory = () => new DigestMemory(file, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "digests-"));
  program = join(folder, "program");
  file = join(folder, "digests.json");
  writeFileSync(program, content);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

/** A look that read the program and remembered it. */
async function seenBefore(): Promise<void> {
  const first = memory();
  expect(await first.digest(program)).toBe(sha256(content));
  await first.save();
}

/** The digest that is kept, replaced by a mark: who gets it did not read the file. */
function mark(): void {
  writeFileSync(file, readFileSync(file, "utf8").replace(sha256(content), "remembered"));
}

test("a large file is not read again while it stays as it was", async () => {
  await seenBefore();
  mark();
  expect(await memory().digest(program)).toBe("remembered");
});

test.for<[string, () => void]>([
  ["was written to", () => writeFileSync(program, content.fill(7, 0, 1))],
  [
    "was written to, and its modification time put back",
    () => {
      writeFileSync(program, content.fill(8, 0, 1));
      lutimesSync(program, new Date(0), new Date(0));
    },
  ],
  [
    "was replaced by another of the same size",
    () => {
      writeFileSync(`${program}.new`, content.fill(9, 0, 1));
      renameSync(`${program}.new`, program);
    },
  ],
])("one that %s is read again", async ([, change]) => {
  await seenBefore();
  mark();
  change();
  expect(await memory().digest(program)).toBe(sha256(content));
});

test("one that was written to a moment ago is not remembered: it may be again, and look the same", async () => {
  vi.setSystemTime(Date.now() - 59_000);
  const first = memory();
  await first.digest(program);
  await first.save();
  expect(existsSync(file)).toBe(false);
});

test("small files are always read, and a damaged memory knows nothing", async () => {
  await seenBefore();
  writeFileSync(file, "{");
  expect(await memory().digest(program)).toBe(sha256(content));
  const small = join(folder, "small");
  writeFileSync(small, "text");
  expect(await memory().digest(small)).toBe(sha256(Buffer.from("text")));
});
