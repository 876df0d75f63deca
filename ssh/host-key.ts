/** The pinned SSH host key: read from its text, compared with what a host shows. Pure. */
import { timingSafeEqual } from "node:crypto";
import { HoldfastError } from "../contract/errors.ts";

export interface PinnedHostKey {
  /** The key as it goes over the wire. */
  readonly blob: Buffer;
  /** The signature algorithms that use this key: only these are offered, or the host might show another key. */
  readonly algorithms: readonly string[];
}

/**
 * @param text `ssh-ed25519 AAAA…`, a comment may follow
 * @throws HoldfastError HF_CONFIG_INVALID
 */
export function parseHostKey(host: string, text: string): PinnedHostKey {
  const [type = "", base64 = ""] = text.trim().split(/\s+/);
  const blob = Buffer.from(base64, "base64");
  // The blob repeats its type: a 4-byte length, then the name (RFC 4253, 6.6).
  const inner = blob.length > 4 ? blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1") : "";
  if (type === "" || inner !== type)
    throw new HoldfastError("HF_CONFIG_INVALID", `The pinned SSH host key of ${host} is malformed.`, {
      next: "Give it as in known_hosts without the name: ssh-ed25519 AAAA…",
    });
  return { blob, algorithms: type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type] };
}

export function isPinned(pinned: PinnedHostKey, shown: Buffer): boolean {
  return pinned.blob.length === shown.length && timingSafeEqual(pinned.blob, shown);
}
