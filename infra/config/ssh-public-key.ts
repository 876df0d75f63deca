/** Public SSH keys as text, and the one inside a private key's file. Pure, and without the SSH library, which a preview has no time to load. */

/** Of each type: how many parts follow one another in the base64, its own name among them (RFC 4253, 6.6; RFC 5656, 3.1). */
const partsOf: Readonly<Record<string, number>> = {
  "ssh-ed25519": 2,
  "ssh-rsa": 3,
  "ecdsa-sha2-nistp256": 3,
  "ecdsa-sha2-nistp384": 3,
  "ecdsa-sha2-nistp521": 3,
};

/** The parts of a blob, each behind its length; null: it was cut short. */
function partsIn(blob: Buffer): Buffer[] | null {
  const parts: Buffer[] = [];
  let at = 0;
  while (at + 4 <= blob.length) {
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return null;
    parts.push(blob.subarray(at + 4, end));
    at = end;
  }
  return at === blob.length ? parts : null;
}

/** Whether `TYPE BASE64 …` is all there: one that was cut short would look like another's. */
export function isWholePublicKey(text: string): boolean {
  const [type = "", base64 = ""] = text.split(" ");
  if (!/^[^\s]+ [A-Za-z0-9+/]+={0,2}( \P{Cc}*)?$/u.test(text) || !Object.hasOwn(partsOf, type)) return false;
  const parts = partsIn(Buffer.from(base64, "base64"));
  return parts?.length === partsOf[type] && parts?.[0]?.toString("latin1") === type;
}

/** Without the comment: it is no part of the key, and some readers do not take it. */
export const bareKey = (key: string): string => key.split(" ").slice(0, 2).join(" ");

const magic = "openssh-key-v1\0";

/**
 * `TYPE BASE64` of a private key in OpenSSH's own form, whose file has it in clear; null: the file has another form.
 * @param privateKey PEM
 */
export function publicKeyIn(privateKey: string): string | null {
  const base64 = /^-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)-----END OPENSSH PRIVATE KEY-----/.exec(privateKey)?.[1];
  const bytes = Buffer.from(base64 ?? "", "base64");
  if (bytes.subarray(0, magic.length).toString("latin1") !== magic) return null;
  let at = magic.length;
  const text = (): Buffer | null => {
    if (at + 4 > bytes.length) return null;
    const start = at + 4;
    at = start + bytes.readUInt32BE(at);
    return at > bytes.length ? null : bytes.subarray(start, at);
  };
  // Cipher, derivation of its key, options of that; then how many keys there are, and the public halves.
  for (let skipped = 0; skipped < 3; skipped++) if (text() === null) return null;
  at += 4;
  const blob = text();
  if (blob === null) return null;
  const key = `${partsIn(blob)?.[0]?.toString("latin1") ?? ""} ${blob.toString("base64")}`;
  return isWholePublicKey(key) ? key : null;
}
