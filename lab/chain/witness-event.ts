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
    /** Its block is in the chain. */
    accepted: z.boolean(),
    /** Our endorsement of it counts; false at heights of ours, which we do not endorse. */
    endorsed: z.boolean(),
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
    /** It arrived while its height's slot was open. Whether it counted says the slot's event. */
    onTime: z.boolean(),
  }),
  /** A neard said for the first time that it has loaded the account's key: a tenure begins. */
  z.object({
    type: z.literal("key"),
    host: z.string(),
    address: z.string(),
    account: z.string(),
    tenure: z.string(),
    atMs: z.number(),
  }),
  /** The validator `peer` refused a tier-1 connection, because it has one for the account already. */
  z.object({
    type: z.literal("already-connected"),
    host: z.string(),
    address: z.string(),
    account: z.string(),
    peer: z.string(),
    atMs: z.number(),
  }),
  /** Bytes of an old holder's connection arrived although another host had begun to sign by then. */
  z.object({
    type: z.literal("stray"),
    host: z.string(),
    address: z.string(),
    bytes: z.number().int().positive(),
    atMs: z.number(),
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
export type SlotEvent = Extract<WitnessEvent, { type: "slot" }>;
export type KeyEvent = Extract<WitnessEvent, { type: "key" }>;
