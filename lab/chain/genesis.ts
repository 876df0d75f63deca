/**
 * The lab chain's genesis: who validates, with which weight, and when height 0 was. Its hash names
 * the chain; a neard with another genesis is turned away, like on a real network.
 */
import { createHash } from "node:crypto";
import { base58 } from "@scure/base";
import * as z from "zod";
import { accountSchema } from "../../contract/topology.ts";

export const publicKeySchema = z
  .string()
  .regex(/^ed25519:[1-9A-HJ-NP-Za-km-z]{40,44}$/, "is not an ed25519 public key");

export const genesisSchema = z.object({
  /** Any name but `mainnet` and `testnet`: the lab must never be taken for those. */
  chain_id: z
    .string()
    .min(1)
    .refine((id) => !isPublicNetwork(id), "is a public network's: the lab never runs on it"),
  /** ISO 8601; height h begins at this moment plus h × slot_ms, by the chain's clock. */
  genesis_time: z.iso.datetime(),
  protocol_version: z.number().int().positive(),
  slot_ms: z.number().int().min(10),
  epoch_length: z.number().int().min(2),
  /**
   * A neard with the key dials its missing tier-1 connections this often. nearcore's is 60 s; the lab's is
   * shorter because that is harder: whoever held the key for longer than this leaves connections behind,
   * and in the lab a holder is seldom older than a minute.
   */
  tier1_interval_ms: z.number().int().min(50).default(5000),
  /** Whose key the lab's hosts guard; the chain signs for all others by itself. */
  account: accountSchema,
  validators: z
    .array(
      z.object({
        account_id: accountSchema,
        public_key: publicKeySchema,
        /** A share of the blocks: stake divided by the sum of all stakes. */
        stake: z.number().int().positive(),
      }),
    )
    .min(1),
});
export type Genesis = z.infer<typeof genesisSchema>;

/** Base58 of the SHA-256 over the parsed genesis, so that its layout on disk does not matter. */
export function genesisHash(genesis: Genesis): string {
  return hashBase58(JSON.stringify(genesisSchema.parse(genesis)));
}

/** Base58 of SHA-256: how NEAR writes its hashes. */
export function hashBase58(text: string): string {
  return base58.encode(createHash("sha256").update(text).digest());
}

/** Whether `chainId` belongs to NEAR's public networks, on which nothing of the lab runs. */
export function isPublicNetwork(chainId: string): boolean {
  return /^(mainnet|testnet|betanet)/.test(chainId);
}
