import { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { knownSha256Of, packed, sha256Of } from "./cache.ts";
import { fetchSource } from "./fetch-source.ts";

/** sha256 of "hello\n" */
const helloSha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-artifacts-"));
  file = join(folder, "hello");
  await writeFile(file, "hello\n");
});
afterAll(() => rm(folder, { recursive: true }));

describe("a path", () => {
  test("is found, and its checksum known", async () =>
    expect(await fetchSource({ setting: "s", source: file })).toEqual({ path: file, sha256: helloSha256 }));
  test("with another checksum than the pinned one is refused, with both", async () =>
    await expect(
      fetchSource({ setting: "holdfast:neard.artifact", source: file, sha256: "0".repeat(64) }),
    ).rejects.toThrow(`holdfast:neard.artifact: ${file} has the sha256 ${helloSha256}, pinned is ${"0".repeat(64)}.`));
  test("that is not there is named", async () =>
    await expect(fetchSource({ setting: "s", source: join(folder, "nothing") })).rejects.toMatchObject({
      code: "HF_ARTIFACT_UNAVAILABLE",
      message: `s: there is no file ${join(folder, "nothing")}.`,
    }));
  test("that is a folder is no file", async () =>
    await expect(fetchSource({ setting: "s", source: folder })).rejects.toThrow("there is no file"));
});

describe("a remembered checksum", () => {
  test("is not believed once the file has changed, even with its old time", async () => {
    const path = join(folder, "changing");
    await writeFile(path, "one");
    await utimes(path, 1, 1);
    const one = await knownSha256Of(path, folder);
    expect(await knownSha256Of(path, folder)).toBe(one);
    await writeFile(path, "two");
    await utimes(path, 1, 1);
    const two = await knownSha256Of(path, folder);
    expect(two).not.toBe(one);
    expect(two).toBe(await sha256Of(path));
  });
});

test("a packed file holds what it was made from, and is made once", async () => {
  const target = await packed(file, helloSha256, folder);
  expect(gunzipSync(await readFile(target)).toString()).toBe("hello\n");
  await writeFile(target, "kept");
  expect(await readFile(await packed(file, helloSha256, folder), "utf8")).toBe("kept");
});
