/**
 * Makes an SSH key pair of the type ed25519, in OpenSSH's own form without a passphrase (openssh-key: PROTOCOL.key). The SSH library
 * writes one in a few hundred in a form that nobody reads.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";

export interface KeyPair {
  /** PEM. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…` */
  readonly publicKey: string;
}

const type = "ssh-ed25519";
/** What the cipher "none" pads to. */
const blockBytes = 8;
const charactersInLine = 70;

/** @param comment in the private key's file, for people */
export function makeKeyPair(comment: string): KeyPair {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { d = "", x = "" } = privateKey.export({ format: "jwk" });
  return keyPairFrom(Buffer.from(d, "base64url"), Buffer.from(x, "base64url"), comment, randomBytes(4));
}

/** @param check four bytes that stand there twice, so that a wrong passphrase would show */
export function keyPairFrom(seed: Buffer, publicBytes: Buffer, comment: string, check: Buffer): KeyPair {
  const publicBlob = Buffer.concat([part(type), part(publicBytes)]);
  const secret = Buffer.concat([check, check, publicBlob, part(Buffer.concat([seed, publicBytes])), part(comment)]);
  const missing = (blockBytes - (secret.length % blockBytes)) % blockBytes;
  const padded = Buffer.concat([secret, Buffer.from(Array.from({ length: missing }, (_, i) => i + 1))]);
  const one = Buffer.from([0, 0, 0, 1]);
  const bytes = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    part("none"),
    part("none"),
    part(""),
    one,
    part(publicBlob),
    part(padded),
  ]);
  const lines = bytes.toString("base64").match(new RegExp(`.{1,${charactersInLine}}`, "g")) ?? [];
  return {
    privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicKey: `${type} ${publicBlob.toString("base64")}`,
  };
}

/** Behind its length, as SSH writes everything (RFC 4251, 5). */
function part(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
