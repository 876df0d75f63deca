import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { unzip } from "./unzip.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "unzip-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A zip archive of one file, as APPNOTE.TXT lays it out. */
function zipOf(name: string, content: string, { mode = 0o644, deflate = true } = {}): Buffer {
  const raw = Buffer.from(content);
  const packed = deflate ? deflateRawSync(raw) : raw;
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(deflate ? 8 : 0, 4);
  common.writeUInt32LE(crc32(raw), 10);
  common.writeUInt32LE(packed.length, 14);
  common.writeUInt32LE(raw.length, 18);
  common.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), packed]);
  const attributes = Buffer.alloc(14);
  attributes.writeUInt32LE((mode << 16) >>> 0, 6);
  const entry = Buffer.concat([Buffer.from("PK\x01\x02\x14\x03"), common, attributes, Buffer.from(name)]);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(entry.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, entry, end]);
}

test.each([true, false])("writes a file with its content and mode (deflated: %s)", async (deflate) => {
  await unzip(zipOf("bin/tool", "x".repeat(100_000), { mode: 0o755, deflate }), directory);
  expect(readFileSync(join(directory, "bin/tool"), "utf8")).toBe("x".repeat(100_000));
  expect(statSync(join(directory, "bin/tool")).mode & 0o777).toBe(0o755);
});

test("refuses a path outside, a damaged file, and what is no archive", async () => {
  await expect(unzip(zipOf("../outside", "x"), directory)).rejects.toThrow("a path outside");
  const damaged = zipOf("tool", "some content", { deflate: false });
  damaged.write("S", 34, "latin1");
  await expect(unzip(damaged, directory)).rejects.toThrow("tool in the zip file is damaged");
  await expect(unzip(Buffer.from("no archive"), directory)).rejects.toThrow("no zip file");
});
