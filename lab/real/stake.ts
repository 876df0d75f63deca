/**
 * Staking with another validator key, on a network of real neards: a transaction of the account's, signed with its
 * genesis key, which is also its only access key. Borsh, as nearcore's Transaction and SignedTransaction (version 0).
 */
import { createHash } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { base58 } from "@scure/base";
import * as z from "zod";
import { HoldfastError } from "../../contract/errors.ts";
import type { ValidatorKey } from "../../contract/near-key.ts";
import { call } from "./rpc.ts";

const ed25519Tag = Buffer.from([0]);
/** Place of Stake among nearcore's actions. */
const stakeAction = Buffer.from([4]);

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** Unsigned, little-endian, of so many bytes. */
function uint(value: bigint, bytes: number): Buffer {
  const written = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) written[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return written;
}

const text = (value: string): Buffer => Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);
const keyBytes = (key: string): Buffer => Buffer.from(base58.decode(key.replace(/^ed25519:/, "")));
const publicKey = (key: string): Buffer => Buffer.concat([ed25519Tag, keyBytes(key)]);

export interface StakePlan {
  readonly signer: ValidatorKey;
  readonly nonce: bigint;
  /** Base58. */
  readonly blockHash: string;
  /** In yoctoNEAR. */
  readonly stake: bigint;
  /** The validator key from then on. */
  readonly publicKey: string;
}

/** The signed transaction. Pure. */
export function stakeTransaction({ signer, nonce, blockHash, stake, publicKey: next }: StakePlan): Buffer {
  const transaction = Buffer.concat([
    text(signer.accountId),
    publicKey(signer.publicKey),
    uint(nonce, 8),
    text(signer.accountId),
    Buffer.from(base58.decode(blockHash)),
    u32(1),
    stakeAction,
    uint(stake, 16),
    publicKey(next),
  ]);
  const digest = createHash("sha256").update(transaction).digest();
  const signature = ed25519.sign(digest, keyBytes(signer.secretKey).subarray(0, 32));
  return Buffer.concat([transaction, ed25519Tag, signature]);
}

const accessKeySchema = z.object({ nonce: z.number(), block_hash: z.string() });
const accountSchema = z.object({ locked: z.string() });
const outcomeSchema = z.object({ status: z.union([z.object({ SuccessValue: z.string() }), z.unknown()]) });
const validatorsSchema = z.object({ epoch_height: z.number().int() });

/**
 * Stakes what is staked already, with another key.
 * @returns the NEAR epoch from which it counts: the one after the next
 * @throws HoldfastError HF_LAB with what the chain answered
 */
export async function stakeOnNetwork(url: string, signer: ValidatorKey, next: string): Promise<number> {
  const query = async (request: object) => await call(url, "query", { finality: "optimistic", ...request });
  const account = signer.accountId;
  const key = accessKeySchema.parse(
    await query({ request_type: "view_access_key", account_id: account, public_key: signer.publicKey }),
  );
  const { locked } = accountSchema.parse(await query({ request_type: "view_account", account_id: account }));
  const { epoch_height: nearEpoch } = validatorsSchema.parse(await call(url, "validators", [null]));
  const signed = stakeTransaction({
    signer,
    nonce: BigInt(key.nonce) + 1n,
    blockHash: key.block_hash,
    stake: BigInt(locked),
    publicKey: next,
  });
  const sent = { signed_tx_base64: signed.toString("base64"), wait_until: "EXECUTED" };
  const { status } = outcomeSchema.parse(await call(url, "send_tx", sent, 30_000));
  if (typeof status === "object" && status !== null && "SuccessValue" in status) return nearEpoch + 2;
  throw new HoldfastError("HF_LAB", `The chain did not take the stake: ${JSON.stringify(status)}`);
}
