/**
 * What a live key signs when a height begins: its block where it is the producer, an endorsement
 * everywhere else. Pure.
 */
import type { KeyObject } from "node:crypto";
import type { Genesis } from "../chain/genesis.ts";
import { nearEpochOf } from "../chain/schedule.ts";
import { type SignatureMessage, type SlotMessage, signedText, signingKey, signText } from "../chain/wire.ts";
import type { Signer } from "./reload.ts";

/** Whether the account of the key validates, with this key or with another. */
export function isValidator(genesis: Genesis, signer: Signer): boolean {
  return genesis.validators.some((one) => one.account_id === signer.key.accountId);
}

/** Since 2.12, for a validator with another key than the chain's: the process ends. */
export class KeyCheck {
  readonly #genesis: Genesis;
  /** The last NEAR epoch in which it was made: once in each, so a wrong key that comes later signs on. */
  #checkedEpoch: number | undefined;

  constructor(genesis: Genesis) {
    this.#genesis = genesis;
  }

  /**
   * Made at the first head block at least `settleMs` after a load; not without a key, and not for an
   * account that does not validate.
   * @param loadedForMs how long the key has been loaded
   * @returns why neard ends, or undefined
   */
  fault(signer: Signer | null, slot: SlotMessage, loadedForMs: number): string | undefined {
    if (signer === null || !isValidator(this.#genesis, signer) || loadedForMs < settleMs) return undefined;
    const { number } = nearEpochOf(this.#genesis, slot.height);
    if (this.#checkedEpoch === number) return undefined;
    this.#checkedEpoch = number;
    const { accountId, publicKey } = signer.key;
    const expected =
      accountId === this.#genesis.account
        ? slot.validatorKeys.current
        : this.#genesis.validators.find((one) => one.account_id === accountId)?.public_key;
    if (publicKey === expected) return undefined;
    return `the validator key of ${accountId} is ${publicKey}, but the key of the current epoch is ${expected}`;
  }
}

/** Seen: 1 to 6 s after the load. */
const settleMs = 1000;

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
