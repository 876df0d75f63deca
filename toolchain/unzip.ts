/**
 * Unpacks a zip archive; a fresh machine has no program for it. Only what vendors' release archives use:
 * stored or deflated files without encryption, below 4 GiB. Layout: APPNOTE.TXT, 4.3.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { promisify } from "node:util";
import { crc32, inflateRaw } from "node:zlib";

const endOfDirectory = 0x06054b50;
const directoryEntry = 0x02014b50;
const endSize = 22;

/** Writes every file of the archive under `directory`, executable where the archive says so. */
export async function unzip(archive: Buffer, directory: string): Promise<void> {
  let end = archive.length - endSize;
  while (end >= 0 && archive.readUInt32LE(end) !== endOfDirectory) end--;
  if (end < 0) throw new Error("the archive is no zip file");
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== directoryEntry) throw new Error("the zip file's directory is damaged");
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString("utf8", at + 46, at + 46 + nameLength);
    if (!name.endsWith("/")) await writeEntry(archive, at, name, directory);
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
}

async function writeEntry(archive: Buffer, at: number, name: string, directory: string): Promise<void> {
  const inside = normalize(name);
  if (inside.startsWith("..") || inside.startsWith("/")) throw new Error(`the zip file has a path outside: ${name}`);
  const local = archive.readUInt32LE(at + 42);
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const packed = archive.subarray(start, start + archive.readUInt32LE(at + 20));
  const isDeflated = archive.readUInt16LE(at + 10) === 8;
  const content = isDeflated ? await promisify<Buffer, Buffer>(inflateRaw)(packed) : packed;
  if (crc32(content) !== archive.readUInt32LE(at + 16)) throw new Error(`${name} in the zip file is damaged`);
  const path = join(directory, inside);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content, { mode: (archive.readUInt32LE(at + 38) >>> 16) & 0o777 || 0o644 });
}
