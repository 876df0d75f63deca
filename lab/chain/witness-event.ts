/** What the witness sees, one line of witness.jsonl each, in order of arrival. */
import * as z from "zod";
import { signatureKinds } from "./wire.ts";

export const witnessEventSchema = z.discriminatedUnion("type", [
  /** A height is over. */
  z.object({
    type: z.literal("slot"),
    height: z.number().int(),
    startMs: z.number(),
    producer: z.string(),
    produced: z.boolean(),
  }),
  /** A valid signature of a validator's key arrived. */
  z.object({
    type: z.literal("signature"),
    host: z.string(),
    address: z.string(),
    account: z.string(),
    key: z.string(),
    tenure: z.string(),
    height: z.number().int(),
    kind: z.enum(signatureKinds),
    signature: z.string(),
    /** By the host's wall clock. */
    sentMs: z.number(),
    /** By the chain's clock, like every time here. */
    arrivedMs: z.number(),
    /** It arrived while its height's slot was open, so it counted. */
    onTime: z.boolean(),
  }),
  /** Something arrived that was no valid signature, or a neard was turned away. */
  z.object({
    type: z.literal("rejected"),
    host: z.string(),
    address: z.string(),
    atMs: z.number(),
    because: z.string(),
  }),
]);
export type WitnessEvent = z.infer<typeof witnessEventSchema>;
export type SignatureEvent = Extract<WitnessEvent, { type: "signature" }>;
