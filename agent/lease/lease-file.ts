/**
 * The lease as kept in /run, with the term that it belongs to, so that a restart of the agent neither moves the key nor
 * forgets since when this host has it. It names the boot that it belongs to: after a reboot the clock starts anew, and an old deadline would lie.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import * as z from "zod";
import { powerProofSchema } from "../../contract/fencing.ts";
import type { Lease, Term } from "../role/types.ts";

const termSchema = z.object({
  story: z.object({
    from: z.string().nullable(),
    kind: z.enum(["first", "failover", "switchover"]),
    because: z.string(),
    startedMs: z.number(),
    lastSeenMs: z.number(),
    deaths: z.number().int().nonnegative(),
    silent: z.string().nullable(),
    /** Absent: an agent of an older version wrote it. */
    fenced: powerProofSchema.nullable().default(null),
  }),
  activeMs: z.number().nullable(),
});

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
  /** Absent: an agent of an older version wrote it. */
  term: termSchema.nullable().default(null),
});

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
    try {
      const { boot, term, ...lease } = savedSchema.parse(JSON.parse(readFileSync(this.#path, "utf8")));
      return boot === this.#boot ? { lease, term } : null;
    } catch {
      return null;
    }
  }

  save(lease: Lease, term: Term): void {
    const text = JSON.stringify({ boot: this.#boot, ...lease, term });
    writeFileSync(`${this.#path}.new`, text, { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }

  forget(): void {
    rmSync(this.#path, { force: true });
  }
}
