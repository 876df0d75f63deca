import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
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

/** Unpacks it and says where to. */
async function unpacked(content: Buffer): Promise<string> {
  writeFileSync(join(directory, "archive.zip"), content);
  await unzip(join(directory, "archive.zip"), join(directory, "to"));
  return join(directory, "to");
}

test.each([true, false])("writes a file with its content and mode (deflated: %s)", async (deflate) => {
  const to = await unpacked(zipOf("bin/tool", "x".repeat(100_000), { mode: 0o755, deflate }));
  expect(readFileSync(join(to, "bin/tool"), "utf8")).toBe("x".repeat(100_000));
  expect(statSync(join(to, "bin/tool")).mode & 0o777).toBe(0o755);
});

test.each(["../outside", "bin/../../outside", "/outside", "..\\outside"])("refuses the path %s", async (name) => {
  await expect(unpacked(zipOf(name, "x"))).rejects.toThrow(/(relative|absolute) path/);
  expect(readdirSync(directory)).toEqual(["archive.zip"]);
});

test("refuses what is damaged, cut short or no archive", async () => {
  const archive = zipOf("tool", "x".repeat(1000));
  const damaged = Buffer.from(archive);
  damaged.fill(0xff, 34, 38);
  await expect(unpacked(damaged)).rejects.toThrow();
  await expect(unpacked(archive.subarray(0, -30))).rejects.toThrow();
  await expect(unpacked(Buffer.from("no archive"))).rejects.toThrow();
});
