/**
 * NEAR's validator key file and its ed25519 keys (`ed25519:<base58>`).
 * Format: nearcore `core/crypto`: 32 bytes public; 64 bytes secret, the seed and then the public half.
 */
import { generateKeyPairSync } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { base58 } from "@scure/base";
import * as z from "zod";
import { HoldfastError } from "./errors.ts";
import { parseJsonWithComments } from "./json-with-comments.ts";
import { accountSchema } from "./topology.ts";

export interface ValidatorKey {
  readonly accountId: string;
  /** `ed25519:<base58 of 32 bytes>` */
  readonly publicKey: string;
  /** `ed25519:<base58 of 64 bytes>`; never logged. */
  readonly secretKey: string;
}

const keyFileSchema = z
  .object({
    account_id: z.string(),
    public_key: z.string(),
    secret_key: z.string().optional(),
    private_key: z.string().optional(),
  })
  .refine(
    (file) => file.secret_key !== undefined || file.private_key !== undefined,
    "has neither secret_key nor private_key",
  );

const setting = "holdfast:validatorKey";
/** The setting of the key that the account is going over to. */
export const nextSetting = "holdfast:nextValidatorKey";
/** The command that gives a stack its validator key. */
export const setValidatorKey = `pulumi config set --secret ${setting} < validator_key.json`;
export const setNextValidatorKey = `pulumi config set --secret ${nextSetting} < next_validator_key.json`;
const correctSettings = new Map([
  [setting, setValidatorKey],
  [nextSetting, setNextValidatorKey],
]);

const correctFile = "Name a key file as neard makes it; holdfast key generate makes one too.";

type Fault = (message: string, next?: string) => HoldfastError;

/** Whether `text` is a public key in full: `ed25519:` and 32 bytes in base58. */
export function isPublicKey(text: string): boolean {
  const digits = /^ed25519:([1-9A-HJ-NP-Za-km-z]{32,44})$/.exec(text)?.[1];
  return digits !== undefined && base58.decode(digits).length === 32;
}

function decode(text: string, field: string, bytes: number, fault: Fault): Uint8Array {
  if (!text.startsWith("ed25519:")) throw fault(`has a ${field} that does not start with "ed25519:"`);
  let raw: Uint8Array;
  try {
    raw = base58.decode(text.slice("ed25519:".length));
  } catch {
    throw fault(`has a ${field} that is not base58`);
  }
  if (raw.length !== bytes) throw fault(`has a ${field} of ${raw.length} bytes; it must have ${bytes}`);
  return raw;
}

/**
 * Reads and proves a validator key: JSON, ed25519, both halves belong together, and, where `account`
 * is given, it is that account's. `source` is what the messages call it: the setting, or a file's name.
 * @throws HoldfastError HF_VALIDATOR_KEY; its message never holds any part of the secret.
 */
export function parseValidatorKey(json: string, account?: string, source = setting): ValidatorKey {
  const command = correctSettings.get(source);
  const correct =
    command === undefined
      ? correctFile
      : `Set it from the key file that neard made: ${command}; or make one: holdfast key generate.`;
  const fault: Fault = (message, next = correct) =>
    new HoldfastError("HF_VALIDATOR_KEY", `${source} ${message}.`, { next });
  let data: unknown;
  try {
    // As neard reads it; and an editor may have put a byte-order mark before it.
    data = parseJsonWithComments(json.replace(/^\uFEFF/, ""));
  } catch {
    throw fault("is not JSON: it must be the text of a key file");
  }
  const file = keyFileSchema.safeParse(data);
  if (!file.success) throw fault("is not a key file: it needs account_id, public_key and secret_key");
  const { account_id: accountId, public_key: publicKey } = file.data;
  if (!accountSchema.safeParse(accountId).success) throw fault("has an account_id that is no NEAR account id");
  const secretKey = file.data.secret_key ?? file.data.private_key ?? "";
  const publicHalf = decode(publicKey, "public_key", 32, fault);
  const secret = decode(secretKey, "secret_key", 64, fault);
  const derived = ed25519.getPublicKey(secret.subarray(0, 32));
  if (!equal(derived, secret.subarray(32)) || !equal(derived, publicHalf))
    throw fault("has halves that do not match: public_key is not the public key of secret_key");
  if (account !== undefined && accountId !== account)
    throw fault(
      `is for the account ${accountId}, but holdfast:validator.account is ${account}`,
      `Give the key file of ${account}; or, if ${accountId} is to validate, correct the setting: pulumi config set --path holdfast:validator.account ${accountId}.`,
    );
  return { accountId, publicKey, secretKey };
}

/** A new key for `accountId`, by OpenSSL: thirty of them take 1 ms, and 100 ms in JavaScript. */
export function generateValidatorKey(accountId: string): ValidatorKey {
  const { d = "", x = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const [seed, publicHalf] = [Buffer.from(d, "base64url"), Buffer.from(x, "base64url")];
  const secret = new Uint8Array(64);
  secret.set(seed);
  secret.set(publicHalf, 32);
  return {
    accountId,
    publicKey: `ed25519:${base58.encode(publicHalf)}`,
    secretKey: `ed25519:${base58.encode(secret)}`,
  };
}

/** The key file as neard reads it. */
export function keyFileJson(key: ValidatorKey): string {
  return `${JSON.stringify({ account_id: key.accountId, public_key: key.publicKey, secret_key: key.secretKey }, null, 2)}\n`;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
