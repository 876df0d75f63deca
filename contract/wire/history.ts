/** One take-over in the history: `GET /history` (newest last), Consul's `history/<epoch>`, and a host's journal of what Consul has not yet. */
import * as z from "zod";
import { powerProofSchema } from "../fencing.ts";
import { hostNameSchema } from "../topology.ts";
import type { Shape } from "./format.ts";

export const historyEntrySchema = z.object({
  epoch: z.number().int(),
  host: hostNameSchema,
  /** Who held the lock before; null the first time. */
  from: hostNameSchema.nullable(),
  kind: z.enum(["first", "failover", "switchover"]),
  because: z.string(),
  /** ISO 8601, wall clock of the host that took over; for people only. */
  at: z.string(),
  /** From the decision to take over until neard confirmed the key. */
  tookMs: z.number(),
  /** From the old holder's last sign of itself (renewal, or release) until neard confirmed the key. Null: an older entry. */
  keyMs: z.number().nullable().default(null),
  /** The same until anything, and until a block, of ours was seen counted by the chain. Written when it is known; null: not. */
  firstMs: z.number().nullable().default(null),
  firstBlockMs: z.number().nullable().default(null),
  /** What was known of the old host's power; null: nobody had to know, or an older entry. */
  fenced: powerProofSchema.nullable().default(null),
});
export type HistoryEntry = z.infer<typeof historyEntrySchema>;

/** For people alone: one that is not understood is not shown. */
export const historyEntryShape = {
  name: "an entry of the history",
  format: 1,
  schema: historyEntrySchema,
} satisfies Shape<unknown>;

/** Entries in one answer of `GET /history`, unless another number is asked for. */
export const historyPageEntries = 100;
