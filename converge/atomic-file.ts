/**
 * Files that are either the old one or the new one, whole, with the right mode and owner, also after a
 * power loss: a temporary file in the same directory, fchown, fchmod, fsync, rename, fsync of the directory.
 *
 * Awkward case: killed in the middle. The temporary file's name is fixed, so that the next attempt and
 * `deleteFile` find it: a half-written secret does not stay. Only one converge runs at a time (host-lock.ts).
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { HoldfastError, plainReason } from "../contract/errors.ts";

/** What the new file shall be; ids as numbers, mode as four octal digits. */
export interface FileAttributes {
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
}

/** Bytes at a time; a program has a hundred megabytes, and zlib's own 16 KiB would be thousands of turns. */
const highWaterMark = 1 << 20;

function temporaryFor(path: string): string {
  return join(dirname(path), `.${basename(path)}.holdfast-new`);
}

/** Writes `content` to `path`; a missing parent directory is made (root, 0755) and stays. */
export async function writeFileAtomic(
  path: string,
  content: string | Buffer,
  attributes: FileAttributes,
): Promise<void> {
  await replace(path, attributes, (file) => file.writeFile(content));
}

/**
 * Unpacks the gzip file `upload` to `path`, if the unpacked bytes have the pinned sha256.
 * @throws HoldfastError HF_ARTIFACT_UNAVAILABLE without a readable upload; HF_ARTIFACT_CHECKSUM, and
 *   `path` is untouched, when the content is another one.
 */
export async function unpackArtifact(
  artifact: { name: string; upload: string; path: string; sha256: string },
  attributes: FileAttributes,
): Promise<void> {
  await replace(artifact.path, attributes, async (file) => {
    const hash = createHash("sha256");
    const sink = new Writable({
      highWaterMark,
      write(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        file.writeFile(chunk).then(() => done(), done);
      },
    });
    try {
      await pipeline(
        createReadStream(artifact.upload, { highWaterMark }),
        createGunzip({ chunkSize: highWaterMark }),
        sink,
      );
    } catch (cause) {
      throw new HoldfastError(
        "HF_ARTIFACT_UNAVAILABLE",
        `The artifact ${artifact.name} could not be unpacked from ${artifact.upload}: ${plainReason(cause)}.`,
        {
          next: "Run pulumi up again; if the upload is broken, replace it: pulumi up --replace <its resource>.",
          cause,
        },
      );
    }
    const digest = hash.digest("hex");
    if (digest !== artifact.sha256)
      throw new HoldfastError(
        "HF_ARTIFACT_CHECKSUM",
        `The artifact ${artifact.name} unpacks to a file with sha256 ${digest}; pinned is ${artifact.sha256}. ${artifact.path} was not changed.`,
        { next: "Compare the checksum in the stack's configuration with the publisher's, then run pulumi up again." },
      );
  });
}

/** Deletes a file and what a killed write of it may have left. Fine if there is none. */
export async function deleteFile(path: string): Promise<void> {
  await rm(temporaryFor(path), { force: true });
  await rm(path, { force: true });
}

async function replace(path: string, attributes: FileAttributes, fill: (file: FileHandle) => Promise<void>) {
  const temporary = temporaryFor(path);
  await mkdir(dirname(path), { recursive: true });
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", 0o600);
  try {
    await fill(file);
    // chown first: it would clear set-id bits.
    await file.chown(attributes.uid, attributes.gid);
    await file.chmod(Number.parseInt(attributes.mode, 8));
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
