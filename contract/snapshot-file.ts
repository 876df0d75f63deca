/** Whether what claims to be a snapshot of Consul is all there. It is a gzip archive; what is in it, Consul itself checks. */
import { pipeline } from "node:stream/promises";
import { crc32, createGunzip } from "node:zlib";

/** CRC-32 and length of what was compressed (RFC 1952, 2.3.1). */
const trailerBytes = 8;
/** Ours unpack to some hundred kilobytes; a small file that never ends is not ours. */
const maxUnpackedBytes = 256 * 1024 * 1024;

/**
 * Null when nothing is missing and nothing follows; else what is wrong, as a sentence's end. Consul answers 200 before
 * it has the whole snapshot from its leader: one that breaks off comes cut short, with the error's text behind it
 * (hashicorp/consul issues 6826 and 6893).
 */
export async function snapshotFault(file: Buffer): Promise<string | null> {
  if (file[0] !== 0x1f || file[1] !== 0x8b) return "it is no snapshot of Consul";
  let bytes = 0;
  let sum = 0;
  try {
    await pipeline([file], createGunzip(), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        if (bytes > maxUnpackedBytes) throw new Error("it unpacks to more than any snapshot of holdfast's Consul");
        sum = crc32(chunk, sum);
      }
    });
  } catch (error) {
    return `it is damaged or cut short (${(error as Error).message})`;
  }
  const trailer = file.subarray(-trailerBytes);
  const ends = trailer.readUInt32LE(0) === sum && trailer.readUInt32LE(4) === bytes;
  return ends ? null : "something follows the end of the archive";
}
