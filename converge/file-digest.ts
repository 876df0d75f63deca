/**
 * Checksum of a file's content. One buffer for all of it: a stream makes a new one for every piece, and for
 * binaries of 120 MB collecting them takes longer than reading.
 */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

const mostAtOnce = 1 << 20;

/** SHA-256 in hexadecimal. @param sizeHint bytes; the file may be of any other size. */
export async function fileDigest(path: string, sizeHint: number = mostAtOnce): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(Math.max(sizeHint, 4096), mostAtOnce));
  await using file = await open(path);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return hash.digest("hex");
    hash.update(buffer.subarray(0, bytesRead));
  }
}
