import { createHash } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { base58 } from "@scure/base";
import { expect, test } from "vitest";
import { generateValidatorKey } from "../../contract/near-key.ts";
import { stakeTransaction } from "./stake.ts";

const signer = generateValidatorKey("validator.localnet");
const next = generateValidatorKey("validator.localnet");
const bytesOf = (key: string) => Buffer.from(base58.decode(key.replace("ed25519:", "")));

test("a stake is laid out as nearcore reads it, and signed by the account's key", () => {
  const blockHash = base58.encode(Buffer.alloc(32, 7));
  const signed = stakeTransaction({
    signer,
    nonce: 258n,
    blockHash,
    stake: 50n * 10n ** 24n,
    publicKey: next.publicKey,
  });
  const body = signed.subarray(0, signed.length - 65);
  const expected = [
    Buffer.from([18, 0, 0, 0]),
    Buffer.from("validator.localnet"),
    Buffer.from([0]),
    bytesOf(signer.publicKey),
    Buffer.from([2, 1, 0, 0, 0, 0, 0, 0]),
    Buffer.from([18, 0, 0, 0]),
    Buffer.from("validator.localnet"),
    Buffer.alloc(32, 7),
    Buffer.from([1, 0, 0, 0, 4]),
    Buffer.from((50n * 10n ** 24n).toString(16).padStart(32, "0"), "hex").reverse(),
    Buffer.from([0]),
    bytesOf(next.publicKey),
  ];
  expect(body.toString("hex")).toBe(Buffer.concat(expected).toString("hex"));
  expect(signed[body.length]).toBe(0);
  const digest = createHash("sha256").update(body).digest();
  expect(ed25519.verify(signed.subarray(-64), digest, bytesOf(signer.publicKey))).toBe(true);
});
