/**
 * What a live key signs when a height begins: its block where it is the producer, an endorsement
 * everywhere else. Pure.
 */
import type { KeyObject } from "node:crypto";
import type { Genesis } from "../chain/genesis.ts";
import { type SignatureMessage, type SlotMessage, signedText, signingKey, signText } from "../chain/wire.ts";
import type { Signer } from "./reload.ts";

/** Why a key, although loaded, does not validate; undefined when it does. */
export function notValidatingBecause(genesis: Genesis, signer: Signer): string | undefined {
  const validator = genesis.validators.find((one) => one.account_id === signer.key.accountId);
  if (validator === undefined) return `${signer.key.accountId} is not a validator in this epoch`;
  if (validator.public_key !== signer.key.publicKey)
    return `the key ${signer.key.publicKey} is not the one staked for ${signer.key.accountId}: no block will be produced`;
  return undefined;
}

/** Signs each height at most once in this process. */
export class Signing {
  #lastHeight = -1;
  #key: { secret: string; object: KeyObject } | undefined;

  /** The signature for `slot`, or undefined when this height was signed already. */
  sign(genesisHash: string, signer: Signer, slot: SlotMessage, nowMs: number): SignatureMessage | undefined {
    if (slot.height <= this.#lastHeight) return undefined;
    this.#lastHeight = slot.height;
    const { accountId: account, publicKey, secretKey } = signer.key;
    if (this.#key?.secret !== secretKey) this.#key = { secret: secretKey, object: signingKey(secretKey) };
    const kind = slot.producer === account ? ("block" as const) : ("endorsement" as const);
    const signed = { kind, height: slot.height, prevHash: slot.head.hash, account };
    return {
      type: "signature",
      ...signed,
      publicKey,
      signature: signText(this.#key.object, signedText(genesisHash, signed)),
      tenure: signer.tenure,
      sentMs: nowMs,
    };
  }
}
