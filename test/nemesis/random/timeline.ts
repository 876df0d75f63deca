/** What happened in a random nemesis, as data: kept as JSON, drawn by drawing.ts, told by report.ts. */
import * as z from "zod";
import { agentRoleSchema } from "../../../contract/wire/agent-status.ts";

/** One look at one host. Times are this machine's wall clock, in ms since 1970. */
export const sampleSchema = z.object({
  atMs: z.number(),
  /** Null: the agent did not answer. */
  role: agentRoleSchema.nullable(),
  epoch: z.number().int().nullable(),
  leaseMs: z.number().nullable(),
  fence: z.enum(["open", "shut", "off"]).nullable(),
  key: z.boolean(),
});
export type Sample = z.infer<typeof sampleSchema>;

export const faultSpanSchema = z.object({
  kind: z.string(),
  host: z.string(),
  peer: z.string().optional(),
  fromMs: z.number(),
  toMs: z.number(),
  /** Why it did not take place; absent: it did. */
  skipped: z.string().optional(),
});
export type FaultSpan = z.infer<typeof faultSpanSchema>;

export const signatureSchema = z.object({ atMs: z.number(), height: z.number().int(), block: z.boolean() });
export type Signature = z.infer<typeof signatureSchema>;

export const timelineSchema = z.object({
  seed: z.number(),
  startMs: z.number(),
  endMs: z.number(),
  leaseMs: z.number(),
  hosts: z.array(z.object({ name: z.string(), samples: z.array(sampleSchema), signatures: z.array(signatureSchema) })),
  faults: z.array(faultSpanSchema),
  /** Times in which two hosts signed. */
  overlaps: z.array(z.object({ fromMs: z.number(), toMs: z.number() })),
});
export type Timeline = z.infer<typeof timelineSchema>;

export interface Segment<T> {
  readonly value: T;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Merges neighbours of one value; each sample counts until the next one. Pure. */
export function segmentsOf<T extends string | boolean | null>(
  samples: readonly Sample[],
  endMs: number,
  look: (sample: Sample) => T,
): Segment<T>[] {
  const segments: { value: T; fromMs: number; toMs: number }[] = [];
  for (const [i, sample] of samples.entries()) {
    const toMs = samples[i + 1]?.atMs ?? endMs;
    const value = look(sample);
    const last = segments.at(-1);
    if (last !== undefined && last.value === value) last.toMs = toMs;
    else segments.push({ value, fromMs: sample.atMs, toMs });
  }
  return segments;
}
