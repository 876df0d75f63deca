/**
 * What holdfastd remembers of its applies, in paths.specs: `<concern>.json`, the spec that went
 * through, and `<concern>.pending.json` while one has begun and has not. Neither has a secret in it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type * as z from "zod";
import { HoldfastError } from "../../contract/errors.ts";
import { type Concern, concerns, type HostSpec, hostSpecSchema } from "../../contract/host-spec.ts";
import { deleteFile, writeFileAtomic } from "./atomic-file.ts";
import { type Pending, pendingSchema } from "./facts.ts";
import { emptyInventory, type Inventory, inventoryOf, union } from "./inventory.ts";

export class SpecStore {
  readonly #directory: string;
  readonly #owner: { readonly uid: number; readonly gid: number };

  /** @param directory paths.specs; `owner` is root unless a test says otherwise. */
  constructor(directory: string, owner = { uid: 0, gid: 0 }) {
    this.#directory = directory;
    this.#owner = owner;
  }

  async readSpec(concern: Concern): Promise<HostSpec | null> {
    return await this.#read(this.#specPath(concern), hostSpecSchema);
  }

  async readPending(concern: Concern): Promise<Pending | null> {
    return await this.#read(this.#pendingPath(concern), pendingSchema);
  }

  async writePending(concern: Concern, pending: Pending): Promise<void> {
    await this.#write(this.#pendingPath(concern), pending);
  }

  /** The apply went through: keep its spec, forget what was pending. In this order: cut between, the next one repeats nothing but this. */
  async complete(spec: HostSpec): Promise<void> {
    await this.#write(this.#specPath(spec.concern), spec);
    await deleteFile(this.#pendingPath(spec.concern));
  }

  /** The concern is gone from the host. */
  async forget(concern: Concern): Promise<void> {
    await deleteFile(this.#specPath(concern));
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

  #pendingPath(concern: Concern): string {
    return join(this.#directory, `${concern}.pending.json`);
  }

  async #write(path: string, value: unknown): Promise<void> {
    await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`, { mode: "0600", ...this.#owner });
  }

  async #read<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new HoldfastError("HF_APPLY_FAILED", `${path} is damaged: it is not what holdfastd writes there.`, {
        next: "Delete it and run pulumi up again: everything is then compared anew.",
        cause,
      });
    }
  }
}
