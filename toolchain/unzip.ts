/**
 * Unpacks a zip archive; a fresh machine has no program for it. Whoever calls has compared the archive's checksum: the
 * ones inside are not looked at.
 */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { openPromise } from "yauzl";

/** Writes every file of the archive under `directory`, executable where the archive says so. */
export async function unzip(archive: string, directory: string): Promise<void> {
  const zip = await openPromise(archive);
  for await (const entry of zip.eachEntry()) {
    // The library refuses names that lead outside.
    const path = join(directory, entry.fileName);
    if (entry.fileName.endsWith("/")) continue;
    await mkdir(dirname(path), { recursive: true });
    const mode = (entry.externalFileAttributes >>> 16) & 0o777 || 0o644;
    await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(path, { mode }));
  }
}
