/**
 * Sealing for hosts whose systemd cannot (before 250: Ubuntu 22.04), of the strength of systemd-creds on a
 * host without TPM: AES-256-GCM under 32 random bytes that lie on the host, for root alone. Who has the
 * whole disk can unseal, here and there (docs/security.md).
 *
 * A sealed text is bound to the host by the secret, and to its name by the associated data: a validator
 * key cannot be passed off as a token. Text: a line that says the format, then base64 of nonce, tag, cipher text.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { lstat, readFile } from "node:fs/promises";
import { HoldfastError } from "../contract/errors.ts";
import { writeFileAtomic } from "./atomic-file.ts";

const header = "holdfast-sealed-1\n";
const algorithm = "aes-256-gcm";
const secretBytes = 32;
/** Of GCM (NIST SP 800-38D): random nonces of 96 bits are good for 2^32 texts under one key. */
const nonceBytes = 12;
const tagBytes = 16;

/** Whether `sealed` is of this format. Anything else is for systemd-creds. */
export function isOwnSeal(sealed: string): boolean {
  return sealed.startsWith(header);
}

export function seal(hostSecret: Buffer, name: string, text: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, hostSecret, nonce, { authTagLength: tagBytes }).setAAD(boundTo(name));
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return `${header}${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64")}\n`;
}

/** @throws HoldfastError HF_APPLY_FAILED when it was sealed by another host, under another name, or is damaged. */
export function unseal(hostSecret: Buffer, name: string, sealed: string): string {
  const bytes = Buffer.from(sealed.slice(header.length), "base64");
  const tagEnd = nonceBytes + tagBytes;
  try {
    const nonce = bytes.subarray(0, nonceBytes);
    const decipher = createDecipheriv(algorithm, hostSecret, nonce, { authTagLength: tagBytes })
      .setAAD(boundTo(name))
      .setAuthTag(bytes.subarray(nonceBytes, tagEnd));
    return Buffer.concat([decipher.update(bytes.subarray(tagEnd)), decipher.final()]).toString("utf8");
  } catch (cause) {
    throw new HoldfastError("HF_APPLY_FAILED", `The credential ${name} was not sealed by this host, or is damaged.`, {
      next: "Run pulumi up: it seals it anew.",
      cause,
    });
  }
}

function boundTo(name: string): Buffer {
  return Buffer.from(`${header}${name}`);
}

/** The host's secret. @throws HoldfastError HF_APPLY_FAILED when there is none, or somebody else could read it. */
export async function readHostSecret(path: string): Promise<Buffer> {
  const stat = await lstat(path).catch(() => null);
  const fault =
    stat === null
      ? "is not there"
      : !stat.isFile() || stat.size !== secretBytes
        ? `is not a file of ${secretBytes} bytes`
        : stat.uid !== process.getuid?.() || (stat.mode & 0o077) !== 0
          ? "is not for root alone"
          : null;
  if (fault === null) return await readFile(path);
  throw new HoldfastError("HF_APPLY_FAILED", `The host's secret ${path} ${fault}.`, {
    next: "Remove it and run pulumi up: that makes another one and seals all credentials anew.",
  });
}

/** Makes the secret if there is none. Under the host's lock: nobody else makes one at the same time. */
export async function ensureHostSecret(path: string): Promise<Buffer> {
  if ((await lstat(path).catch(() => null)) === null)
    await writeFileAtomic(path, randomBytes(secretBytes), {
      mode: "0400",
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
    });
  return await readHostSecret(path);
}
