import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deleteFile, unpackArtifact, writeFileAtomic } from "./atomic-file.ts";
import { sha256 } from "./plan-steps.ts";

let directory: string;
const own = (mode: string) => ({ mode, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-converge-"));
});
afterEach(() => rm(directory, { recursive: true }));

const modeOf = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8);

describe("a file", () => {
  test("gets content and mode whatever the umask, in a directory that was missing", async () => {
    const path = join(directory, "deep", "er", "file");
    const umask = process.umask(0o077);
    try {
      await writeFileAtomic(path, "text\n", own("0644"));
    } finally {
      process.umask(umask);
    }
    expect(await readFile(path, "utf8")).toBe("text\n");
    expect(await modeOf(path)).toBe("644");
  });
  test("replaces a link itself, not what it points to", async () => {
    const target = join(directory, "target");
    const path = join(directory, "file");
    await writeFile(target, "untouched");
    await symlink(target, path);
    await writeFileAtomic(path, "new", own("0600"));
    expect(await readFile(target, "utf8")).toBe("untouched");
    expect(await readFile(path, "utf8")).toBe("new");
  });
  test("what a killed write left is overwritten by the next one, and goes with the file", async () => {
    const path = join(directory, "file");
    await writeFile(join(directory, ".file.holdfast-new"), "half a sec");
    await writeFileAtomic(path, "whole", own("0600"));
    expect(await readdir(directory)).toEqual(["file"]);
    await writeFile(join(directory, ".file.holdfast-new"), "half a sec");
    await deleteFile(path);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe("an artifact", () => {
  const artifact = (content: string) => ({
    name: "neard",
    upload: join(directory, "neard.gz"),
    path: join(directory, "neard"),
    sha256: sha256(content),
  });
  // Longer than one chunk of the stream.
  const program = "program ".repeat(50_000);

  test("is unpacked with its mode", async () => {
    await writeFile(join(directory, "neard.gz"), gzipSync(program));
    await unpackArtifact(artifact(program), own("0755"));
    expect(await readFile(join(directory, "neard"), "utf8")).toBe(program);
    expect(await modeOf(join(directory, "neard"))).toBe("755");
  });
  test("with another checksum leaves the old one, and nothing beside it", async () => {
    await writeFile(join(directory, "neard"), "old");
    await writeFile(join(directory, "neard.gz"), gzipSync("forged"));
    await expect(unpackArtifact(artifact(program), own("0755"))).rejects.toMatchObject({
      code: "HF_ARTIFACT_CHECKSUM",
      message: expect.stringMatching(/unpacks to a file with sha256 [0-9a-f]{64}; pinned is [0-9a-f]{64}/),
    });
    expect(await readFile(join(directory, "neard"), "utf8")).toBe("old");
    expect((await readdir(directory)).toSorted()).toEqual(["neard", "neard.gz"]);
  });
  test.each([
    ["missing", undefined],
    ["no gzip", Buffer.from("plain")],
    ["cut short", gzipSync(program).subarray(0, 200)],
  ])("whose upload is %s cannot be had", async (_what, upload) => {
    if (upload !== undefined) await writeFile(join(directory, "neard.gz"), upload);
    await expect(unpackArtifact(artifact(program), own("0755"))).rejects.toMatchObject({
      code: "HF_ARTIFACT_UNAVAILABLE",
    });
    expect(await readdir(directory)).not.toContain("neard");
    expect(await readdir(directory)).not.toContain(".neard.holdfast-new");
  });
});
