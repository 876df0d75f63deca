/**
 * Checksums of large files that have not been written to since they were last read. A host's programs have 250 MB
 * together, and every `pulumi up` has each host look at itself.
 *
 * A file is the one that was read when its stamp is the same (contract/content-stamp.ts). It is forgotten at boot (tmpfs), so what a disk loses by itself is found then.
 */
import { readFileSync } from "node:fs";
import { lstat } from "node:fs/promises";
import * as z from "zod";
import { contentStamp, isSettled } from "../contract/content-stamp.ts";
import { writeFileAtomic } from "./atomic-file.ts";
import { fileDigest } from "./file-digest.ts";

/** Smaller ones are read in no time. */
const largeBytes = 1 << 20;

const memorySchema = z.record(z.string(), z.object({ identity: z.string(), sha256: z.string() }));

export class DigestMemory {
  readonly #file: string;
  readonly #owner: { readonly uid: number; readonly gid: number };
  #known: z.infer<typeof memorySchema> | undefined;
  #isNews = false;

  /** @param file on a tmpfs; `owner` is root unless a test says otherwise. */
  constructor(file: string, owner = { uid: 0, gid: 0 }) {
    this.#file = file;
    this.#owner = owner;
  }

  /** SHA-256 in hexadecimal. */
  async digest(path: string): Promise<string> {
    const stat = await lstat(path, { bigint: true });
    const size = Number(stat.size);
    if (size < largeBytes) return await fileDigest(path, size);
    this.#known ??= this.#read();
    const identity = contentStamp(stat);
    const isKept = isSettled(stat, Date.now());
    const known = this.#known[path];
    if (known?.identity === identity) return known.sha256;
    const sha256 = await fileDigest(path, size);
    if (isKept) {
      this.#known[path] = { identity, sha256 };
      this.#isNews = true;
    }
    return sha256;
  }

  /** Keeps what was read, for the next look. Only one at a time may (host-lock.ts). */
  async save(): Promise<void> {
    if (!this.#isNews) return;
    await writeFileAtomic(this.#file, JSON.stringify(this.#known), { mode: "0600", ...this.#owner });
    this.#isNews = false;
  }

  /** One that is absent or damaged knows nothing. */
  #read(): z.infer<typeof memorySchema> {
    try {
      return memorySchema.parse(JSON.parse(readFileSync(this.#file, "utf8")));
    } catch {
      return {};
    }
  }
}
