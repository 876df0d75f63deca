/**
 * What holdfastd remembers of its applies, in paths.specs: the spec that went through, and `<concern>.pending.json` while one
 * has begun and has not. Neither has a secret in it.
 *
 * The spec is there twice: `<concern>.json` as 0.1 can read it, and `<concern>.spec.json` whole. A host that was downgraded
 * must know what is on it, and 0.1 refuses a file with a field that it does not know.
 * Awkward case: an older release applied since, and has written the first alone. So the whole one says which first it
 * belongs to, and counts only beside that; without it the first one does.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { HoldfastError } from "../contract/errors.ts";
import { type Reading, readData, readShape, type Shape, stamped } from "../contract/wire/format.ts";
import { type Concern, concerns, type HostSpec, hostSpecShape, specFor01 } from "../contract/wire/host-spec.ts";
import { emptyInventory, type Inventory, type Pending, pendingShape } from "../contract/wire/pending.ts";
import { deleteFile, writeFileAtomic } from "./atomic-file.ts";
import { inventoryOf, union } from "./inventory.ts";
import { sha256 } from "./plan-steps.ts";

const wholeShape = {
  name: "a stored spec",
  format: 1,
  schema: z.object({
    /** sha256 of the text that 0.1 can read, of the same spec. */
    beside: z.string(),
    spec: z.unknown(),
  }),
} satisfies Shape<unknown>;

export class SpecStore {
  readonly #directory: string;
  readonly #owner: { readonly uid: number; readonly gid: number };

  /** @param directory paths.specs; `owner` is root unless a test says otherwise. */
  constructor(directory: string, owner = { uid: 0, gid: 0 }) {
    this.#directory = directory;
    this.#owner = owner;
  }

  async readSpec(concern: Concern): Promise<HostSpec | null> {
    const text = await this.#text(this.#specPath(concern));
    if (text === null) return null;
    return (
      (await this.#whole(concern, text)) ?? this.#understood(this.#specPath(concern), readShape(hostSpecShape, text))
    );
  }

  /** Null: there is none beside this text, or it is not understood. */
  async #whole(concern: Concern, beside: string): Promise<HostSpec | null> {
    const text = await this.#text(this.#wholePath(concern));
    const whole = text === null ? null : readShape(wholeShape, text);
    if (whole?.is !== "read" || whole.value.beside !== sha256(beside)) return null;
    const reading = readData(hostSpecShape, whole.value.spec);
    return reading.is === "read" ? reading.value : null;
  }

  async readPending(concern: Concern): Promise<Pending | null> {
    const path = this.#pendingPath(concern);
    const text = await this.#text(path);
    return text === null ? null : this.#understood(path, readShape(pendingShape, text));
  }

  async writePending(concern: Concern, pending: Pending): Promise<void> {
    await this.#write(this.#pendingPath(concern), textOf(pending));
  }

  /**
   * The apply went through: keep its spec, forget what was pending. In this order: cut between, the next one finds the old
   * spec or the new one, with what was pending.
   */
  async complete(spec: HostSpec): Promise<void> {
    const text = textOf(specFor01(spec));
    await this.#write(this.#wholePath(spec.concern), textOf(stamped(wholeShape, { beside: sha256(text), spec })));
    await this.#write(this.#specPath(spec.concern), text);
    await deleteFile(this.#pendingPath(spec.concern));
  }

  /** The concern is gone from the host. */
  async forget(concern: Concern): Promise<void> {
    await deleteFile(this.#specPath(concern));
    await deleteFile(this.#wholePath(concern));
    await deleteFile(this.#pendingPath(concern));
  }

  /** The concerns of which anything is known, in their order on a host. */
  async known(): Promise<Concern[]> {
    const found: Concern[] = [];
    for (const concern of concerns)
      if ((await this.readSpec(concern)) !== null || (await this.readPending(concern)) !== null) found.push(concern);
    return found;
  }

  /** What all concerns but this one have on the host. */
  async inventoryElsewhere(but: Concern): Promise<Inventory> {
    const inventories: Inventory[] = [];
    for (const concern of concerns.filter((other) => other !== but)) {
      const spec = await this.readSpec(concern);
      const pending = await this.readPending(concern);
      inventories.push(spec === null ? emptyInventory : inventoryOf(spec), pending?.inventory ?? emptyInventory);
    }
    return union(...inventories);
  }

  #specPath(concern: Concern): string {
    return join(this.#directory, `${concern}.json`);
  }

  #wholePath(concern: Concern): string {
    return join(this.#directory, `${concern}.spec.json`);
  }

  #pendingPath(concern: Concern): string {
    return join(this.#directory, `${concern}.pending.json`);
  }

  async #write(path: string, text: string): Promise<void> {
    await writeFileAtomic(path, text, { mode: "0600", ...this.#owner });
  }

  async #text(path: string): Promise<string | null> {
    try {
      return await readFile(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }

  /** What is there and is not understood is not taken for nothing: its files and units would be nobody's. */
  #understood<T>(path: string, reading: Reading<T>): T {
    switch (reading.is) {
      case "read":
        return reading.value;
      case "newer":
        throw new HoldfastError("HF_APPLY_FAILED", `${path} is of a newer release (format ${reading.format}).`, {
          next: "Bring what that release began to its end with it (pulumi up), or delete the file: everything is then compared anew.",
        });
      case "unreadable":
        throw new HoldfastError("HF_APPLY_FAILED", `${path} is damaged: it is not what holdfastd writes there.`, {
          next: "Delete it and run pulumi up again: everything is then compared anew.",
          cause: reading.error,
        });
    }
  }
}

function textOf(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
