/**
 * Which host had the key when, from what its neard and its kernel said. Pure.
 *
 * A *stay* is one stay of the key in one neard: from the first answer that names it to the last. An answer
 * without it, or no process to answer, ends the stay; a neard that merely does not answer in time may have it
 * still. It is *open* while the host's fence would let what neard sends out.
 *
 * Awkward case: a real chain shows no second signature for a height (nobody keeps it). So the nearest thing that
 * can be seen stands for it: two hosts whose neards have the key while both fences are open. It is looked at some
 * times a second; what is shorter than that can be missed.
 */
import * as z from "zod";

/** One look at a host, by probe.ts. */
export const sampleSchema = z.object({
  atMs: z.number(),
  /** answer: neard's RPC did. late: something listens, but it did not in time. gone: nothing listens. */
  neard: z.enum(["answer", "late", "gone"]),
  /** The public key that neard says it has; null: none, or no answer. */
  key: z.string().nullable(),
  /** Whether the fence lets neard's packets out; null: not looked at, or it could not be told. */
  open: z.boolean().nullable(),
  /** Blocks that this neard process has produced, by its own count; null: not asked this time. */
  produced: z.number().int().nullable(),
});
export type Sample = z.infer<typeof sampleSchema>;

export interface Stay {
  readonly host: string;
  readonly key: string;
  readonly fromMs: number;
  /** Last seen with the key; it goes on while `ended` is false. */
  toMs: number;
  ended: boolean;
  /** Stretches in which the fence was open, in order. */
  readonly open: { readonly fromMs: number; toMs: number }[];
}

/** Two looks further apart than this do not make one open stretch. */
const oneStretchMs = 1500;

/** All stays since the beginning, in order of their begin. */
export class Stays {
  readonly all: Stay[] = [];

  /** Takes a look at `host`; a stay that began with it, or null. */
  take(host: string, sample: Sample): Stay | null {
    const current = this.#current(host);
    if (sample.neard === "late") return null;
    if (sample.key === null || (current !== undefined && current.key !== sample.key)) {
      if (current !== undefined) current.ended = true;
      if (sample.key === null) return null;
    }
    const stay = this.#current(host) ?? this.#begin(host, sample.key, sample.atMs);
    const isNew = stay.fromMs === sample.atMs;
    stay.toMs = sample.atMs;
    if (sample.open === true) {
      const last = stay.open.at(-1);
      if (last !== undefined && sample.atMs - last.toMs <= oneStretchMs) last.toMs = sample.atMs;
      else stay.open.push({ fromMs: sample.atMs, toMs: sample.atMs });
    }
    return isNew ? stay : null;
  }

  /** The host is off, or has another kernel by now. */
  end(host: string): void {
    const current = this.#current(host);
    if (current !== undefined) current.ended = true;
  }

  /** Who had the key at a moment: of several the one who got it last. */
  at(ms: number): Stay | null {
    return this.all.findLast((stay) => stay.fromMs <= ms) ?? null;
  }

  #current(host: string): Stay | undefined {
    return this.all.findLast((stay) => stay.host === host && !stay.ended);
  }

  #begin(host: string, key: string, atMs: number): Stay {
    const stay: Stay = { host, key, fromMs: atMs, toMs: atMs, ended: false, open: [] };
    this.all.push(stay);
    return stay;
  }
}

export interface OpenOverlap {
  readonly hosts: [string, string];
  readonly fromMs: number;
  readonly toMs: number;
}

/** Every stretch since `sinceMs` in which two hosts had the key behind an open fence, in order of time. */
export function openOverlaps(stays: readonly Stay[], sinceMs: number): OpenOverlap[] {
  const found: OpenOverlap[] = [];
  for (const [i, a] of stays.entries())
    for (const b of stays.slice(i + 1)) {
      if (a.host === b.host || a.key !== b.key) continue;
      for (const one of a.open)
        for (const other of b.open) {
          const fromMs = Math.max(one.fromMs, other.fromMs);
          const toMs = Math.min(one.toMs, other.toMs);
          if (fromMs <= toMs && toMs >= sinceMs) found.push({ hosts: [a.host, b.host], fromMs, toMs });
        }
    }
  return found.sort((a, b) => a.fromMs - b.fromMs);
}
