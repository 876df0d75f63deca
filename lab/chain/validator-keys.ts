/**
 * The account's key on chain, which its owner can change: a stake with another key counts from the NEAR
 * epoch after next on. Pure.
 */
import * as z from "zod";
import { type Genesis, publicKeySchema } from "./genesis.ts";

export const keyChangeSchema = z.object({
  publicKey: publicKeySchema,
  /** The first NEAR epoch in which it counts. */
  fromNearEpoch: z.number().int().nonnegative(),
});
export type KeyChange = z.infer<typeof keyChangeSchema>;

/** NEAR epochs from the stake to the one in which its key counts. */
export const epochsUntilKeyCounts = 2;

/** The public key that counts for `account` in `nearEpoch`; undefined for no validator. Only ours ever changes. */
export function keyIn(
  genesis: Genesis,
  changes: readonly KeyChange[],
  account: string,
  nearEpoch: number,
): string | undefined {
  const first = genesis.validators.find((one) => one.account_id === account)?.public_key;
  if (account !== genesis.account) return first;
  return changes.findLast((change) => change.fromNearEpoch <= nearEpoch)?.publicKey ?? first;
}
