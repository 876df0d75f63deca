/**
 * The holder's lease as its agent keeps it in /run, for the next agent and for `holdfastd expire`, with the term that it
 * belongs to. Times are of the host's boot-time clock.
 */
import * as z from "zod";
import { powerProofSchema } from "../fencing.ts";
import type { Shape } from "./format.ts";

const termSchema = z.object({
  story: z.object({
    from: z.string().nullable(),
    kind: z.enum(["first", "failover", "switchover"]),
    because: z.string(),
    startedMs: z.number(),
    lastSeenMs: z.number(),
    deaths: z.number().int().nonnegative(),
    silent: z.string().nullable(),
    /** Absent: an agent of 0.1 wrote it. */
    fenced: powerProofSchema.nullable().default(null),
  }),
  activeMs: z.number().nullable(),
});

/** One that cannot be understood is as good as over: whoever finds the fence armed, or a key, ends both. */
export const leaseFileShape = {
  name: "the lease file",
  format: 1,
  schema: z.object({
    /** Of the kernel's boot: after a reboot the clock starts anew. */
    boot: z.string(),
    session: z.string(),
    epoch: z.number().int(),
    deadlineMs: z.number(),
    lastSentMs: z.number(),
    seq: z.number().int(),
    sessionRenewedMs: z.number(),
    fedMs: z.number(),
    fedUntilMs: z.number(),
    /** For the history, and to count deaths: the lease is one without it. Absent: an agent of 0.1 wrote it. */
    term: termSchema.nullable().default(null).catch(null),
  }),
} satisfies Shape<unknown>;
