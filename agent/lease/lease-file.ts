/**
 * The lease as kept in /run, with the term that it belongs to, so that a restart of the agent neither moves the key nor
 * forgets since when this host has it. It names the boot that it belongs to: after a reboot the clock starts anew, and an old deadline would lie.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readShape, textOf, understood } from "../../contract/wire/format.ts";
import { leaseFileShape } from "../../contract/wire/lease-file.ts";
import type { Lease, Term } from "./types.ts";

/** A lease of this boot, and what is to be remembered of the term that it belongs to. */
export interface Saved {
  readonly lease: Lease;
  readonly term: Term | null;
}

export class LeaseFile {
  readonly #path: string;
  readonly #boot: string;

  constructor(path: string, boot: string) {
    this.#path = path;
    this.#boot = boot;
  }

  /** The saved lease of this boot, over or not; null when there is none that can be read. */
  load(): Saved | null {
    const saved = understood(readShape(leaseFileShape, this.#text()));
    if (saved === null) return null;
    const { boot, term, ...lease } = saved;
    return boot === this.#boot ? { lease, term } : null;
  }

  /** Empty, which is no lease, where there is none. */
  #text(): string {
    try {
      return readFileSync(this.#path, "utf8");
    } catch {
      return "";
    }
  }

  save(lease: Lease, term: Term): void {
    const text = textOf(leaseFileShape, { boot: this.#boot, ...lease, term });
    writeFileSync(`${this.#path}.new`, text, { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }

  forget(): void {
    rmSync(this.#path, { force: true });
  }
}
