/**
 * The lease as kept in /run, so that a restart of the agent does not move the key. It names the boot
 * that it belongs to: after a reboot the clock starts anew, and an old deadline would lie.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import * as z from "zod";
import type { Lease } from "../role/types.ts";

const savedSchema = z.object({
  boot: z.string(),
  session: z.string(),
  epoch: z.number().int(),
  deadlineMs: z.number(),
  lastSentMs: z.number(),
  seq: z.number().int(),
  sessionRenewedMs: z.number(),
  fedMs: z.number(),
  fedUntilMs: z.number(),
});

export class LeaseFile {
  readonly #path: string;
  readonly #boot: string;

  constructor(path: string, boot: string) {
    this.#path = path;
    this.#boot = boot;
  }

  /** The saved lease of this boot, over or not; null when there is none that can be read. */
  load(): Lease | null {
    try {
      const { boot, ...lease } = savedSchema.parse(JSON.parse(readFileSync(this.#path, "utf8")));
      return boot === this.#boot ? lease : null;
    } catch {
      return null;
    }
  }

  save(lease: Lease): void {
    const text = JSON.stringify({ boot: this.#boot, ...lease });
    writeFileSync(`${this.#path}.new`, text, { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }

  forget(): void {
    rmSync(this.#path, { force: true });
  }
}
