import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fileDigest } from "./file-digest.ts";

const folder = mkdtempSync(join(tmpdir(), "digest-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([0, 1, 4096, 4097, 3_000_001])("%d bytes, whatever size was expected", async (size) => {
  const content = randomBytes(size);
  const path = join(folder, String(size));
  writeFileSync(path, content);
  const expected = createHash("sha256").update(content).digest("hex");
  for (const hint of [size, 0, 5000]) expect(await fileDigest(path, hint)).toBe(expected);
  expect(await fileDigest(path)).toBe(expected);
});
