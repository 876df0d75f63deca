/**
 * Remembers from which sources a file was built, and finds it again as long as every one of them still
 * has the same content. (Reading 500 sources takes 20 ms, more on a busy machine: they are read only where inodes,
 * sizes or times are others than at the build.)
 *
 * Awkward case: a new file that would be found in place of another is no source yet. Our imports name
 * files with their endings, and packages change together with the lock file, which must be a source.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { contentStamp, isSettled } from "../../contract/content-stamp.ts";
import { writeWhole } from "./cache.ts";
import type { LocalFile } from "./fetch-source.ts";

const noteSchema = z.object({
  path: z.string(),
  sha256: z.string(),
  sources: z.array(z.string()),
  /** Of the names and contents of all sources. */
  digest: z.string(),
  /** Of the names, inodes, sizes and times of all sources: the same as when `digest` was. */
  stamp: z.string(),
});

export class BuiltBefore {
  readonly #root: string;
  readonly #note: string;

  /** @param root what the names of sources are relative to; `folder` keeps one note for each root. */
  constructor(root: string, folder: string) {
    this.#root = root;
    this.#note = join(folder, `built-${createHash("sha256").update(root).digest("hex").slice(0, 16)}.json`);
  }

  find(): LocalFile | undefined {
    const note = this.#read();
    if (note === undefined || !existsSync(note.path)) return undefined;
    const isSame = this.#stamp(note.sources) === note.stamp || this.#digest(note.sources) === note.digest;
    return isSame ? { path: note.path, sha256: note.sha256 } : undefined;
  }

  /** @param startMs when the build began. Whatever was edited since may or may not be in it: then nothing is remembered. */
  async remember(built: LocalFile, sources: readonly string[], startMs: number): Promise<void> {
    const wereSettled = sources.every((source) => {
      const stat = statSync(join(this.#root, source), { throwIfNoEntry: false, bigint: true });
      return stat === undefined || isSettled(stat, startMs);
    });
    if (!wereSettled) return;
    const note = { ...built, sources, digest: this.#digest(sources), stamp: this.#stamp(sources) };
    await writeWhole(this.#note, (temporary) => writeFile(temporary, JSON.stringify(note)));
  }

  /** A note that is absent or damaged is none. */
  #read(): z.infer<typeof noteSchema> | undefined {
    try {
      return noteSchema.parse(JSON.parse(readFileSync(this.#note, "utf8")));
    } catch {
      return undefined;
    }
  }

  #stamp(sources: readonly string[]): string {
    return this.#hash(sources, (path) => {
      const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
      return stat === undefined ? "absent" : contentStamp(stat);
    });
  }

  #digest(sources: readonly string[]): string {
    return this.#hash(sources, (path) => (existsSync(path) ? readFileSync(path) : "absent"));
  }

  #hash(sources: readonly string[], look: (path: string) => string | Buffer): string {
    const hash = createHash("sha256");
    for (const source of sources) hash.update(JSON.stringify(source)).update(look(join(this.#root, source)));
    return hash.digest("hex");
  }
}
