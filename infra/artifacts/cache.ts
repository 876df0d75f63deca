/**
 * Files that are made once and found again by their checksum: packed artifacts, downloads. In the user's
 * cache folder, so that every checkout and every stack shares them. All of it may be deleted at any time.
 *
 * Awkward case: two runs at once. Every file is written under a name of its own and then renamed.
 */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { contentStamp, isSettled } from "../../contract/content-stamp.ts";

export const cacheFolder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "holdfast", "artifacts");

/** Makes `path` whole or not at all: `write` fills a temporary beside it. */
export async function writeWhole(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}`;
  try {
    await write(temporary);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Checksum of a file's content, in hexadecimal. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

/**
 * As sha256Of, but remembers it for a file that has not changed since (contract/content-stamp.ts): the
 * binaries are large, and a run with nothing to do should take no time over them.
 */
export async function knownSha256Of(path: string, folder: string = cacheFolder): Promise<string> {
  const seen = await stat(path, { bigint: true });
  const isKept = isSettled(seen, Date.now());
  const identity = createHash("sha256")
    .update(JSON.stringify([path, contentStamp(seen)]))
    .digest("hex");
  const note = join(folder, "checksums", identity);
  const known = await readFile(note, "utf8").catch(() => undefined);
  if (known !== undefined) return known;
  const sha256 = await sha256Of(path);
  if (isKept) await writeWhole(note, (temporary) => writeFile(temporary, sha256));
  return sha256;
}

/** The packed form of a file whose checksum is `sha256`; made if it is not there yet. */
export async function packed(path: string, sha256: string, folder: string = cacheFolder): Promise<string> {
  const target = join(folder, "packed", `${sha256}.gz`);
  const exists = await stat(target).then(
    () => true,
    () => false,
  );
  if (!exists)
    await writeWhole(target, (temporary) =>
      pipeline(createReadStream(path), createGzip({ level: 6 }), createWriteStream(temporary)),
    );
  return target;
}
