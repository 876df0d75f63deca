/** Peers to start from, `ed25519:…@host:port`. neard logs one that it does not understand, and goes on without it. */
import { isIPv4, isIPv6 } from "node:net";
import { isPublicKey } from "../../contract/near-key.ts";

const hostName = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.?$/i;

/** A whole public key, a name or an address that somebody can dial (IPv6 in brackets), and a port. */
export function isBootNode(text: string): boolean {
  const [, key = "", ip6, other = "", digits] = /^([^@]*)@(?:\[([^\]]*)\]|([^@:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!isPublicKey(key) || !(port >= 1 && port <= 65_535)) return false;
  if (ip6 !== undefined) return isIPv6(ip6) && !ip6.includes("%");
  // All digits and dots: an address, or a slip of one.
  return /^[\d.]*$/.test(other) ? isIPv4(other) : hostName.test(other);
}
