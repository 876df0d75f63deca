/**
 * Proves that a neard host of this cluster wrote the lock's record. Every Consul server, the arbiter's included, has
 * every token in its data, so whoever has root there can write the lock; he has no validator key, and so no seal.
 *
 * A seal is an HMAC-SHA256 over all of the record that a reader acts on, with its place: the session that holds the lock,
 * and its epoch. The key comes from the validator key by HKDF, with a label of its own and the lock's path: it tells nothing
 * about the validator key, and is for nothing else than this one lock. Every host that may validate has it in its agent's memory since its
 * start, from the same credential; nothing more is kept anywhere.
 * Awkward case: while the account's key is being changed, hosts have one key or two. So a record has a seal for each
 * key that its writer has, and one that is right is enough.
 */
import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from "node:crypto";
import { base58 } from "@scure/base";
import type { ValidatorKey } from "../../contract/near-key.ts";
import type { LockRecord } from "../../contract/wire/lock-record.ts";

/** What the cluster's neard hosts alone can do. */
export interface Sealer {
  /** False on a host that could not unseal any key: it cannot tell who wrote a record. */
  readonly canTell: boolean;
  /** One seal for each key, in base64. */
  seal(record: LockRecord): string[];
  /** Constant time for each pair, so that no answer tells how much of a guess was right. */
  isRight(record: LockRecord, seals: readonly string[]): boolean;
  /** The same for an answer to a roll call (roll-call.ts), under keys of their own. */
  sealText(text: string): string[];
  isRightText(text: string, seals: readonly string[]): boolean;
}

/** Of the keys; changed with the meaning of what is sealed, so that no seal of one meaning passes for another. */
const labels = { record: "holdfast lock record 1", answer: "holdfast roll call 1" } as const;

/**
 * @param keys those that this host could unseal, in any order
 * @param lockKey the lock's key in Consul: network and account are in it
 */
export function sealerFrom(keys: readonly ValidatorKey[], lockKey: string): Sealer {
  const records = textSealer(keys, lockKey, labels.record);
  const answers = textSealer(keys, lockKey, labels.answer);
  return {
    canTell: keys.length > 0,
    seal: (record) => records.seal(canonical(record)),
    isRight: (record, given) => records.isRight(canonical(record), given),
    sealText: answers.seal,
    isRightText: answers.isRight,
  };
}

function textSealer(keys: readonly ValidatorKey[], lockKey: string, label: string) {
  const macKeys = keys.map(({ secretKey }) => macKeyOf(secretKey, lockKey, label));
  const sealsOf = (text: string) => macKeys.map((key) => createHmac("sha256", key).update(text).digest());
  return {
    seal: (text: string) => sealsOf(text).map((seal) => seal.toString("base64")),
    isRight: (text: string, given: readonly string[]) => {
      const found = given.map((one) => Buffer.from(one, "base64"));
      return sealsOf(text).some((own) => found.some((one) => one.length === own.length && timingSafeEqual(one, own)));
    },
  };
}

/**
 * `secretKey`: `ed25519:<base58 of 64 bytes>`, whose first half is the secret. As an object that OpenSSL has taken over:
 * a seal with the bare bytes costs five times as much.
 */
function macKeyOf(secretKey: string, lockKey: string, label: string): KeyObject {
  const secret = base58.decode(secretKey.slice("ed25519:".length)).subarray(0, 32);
  return createSecretKey(Buffer.from(hkdfSync("sha256", secret, "", `${label}\n${lockKey}`, 32)));
}

/** One text for one record: a list has no order of keys, and JSON keeps every field apart from its neighbours. */
function canonical(record: LockRecord): string {
  const { host, session, epoch, seq, heardMs, released } = record;
  const marker =
    released === undefined
      ? null
      : [
          released.by,
          released.session,
          released.to,
          released.epoch,
          released.switchover,
          released.because,
          released.height,
          released.deaths,
        ];
  return JSON.stringify([host, session, epoch, seq, heardMs ?? null, marker]);
}
