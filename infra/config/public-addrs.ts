/**
 * The addresses under which neard offers itself to the other validators, host by host: `hosts[].publicAddrs`. Here is their
 * form, as neard takes it; what else it would refuse is in public-addr-checks.ts.
 *
 * neard signs them with the validator key and sends them around; the others dial them. Awkward case: an address needs the
 * node's public key before it, which holdfast makes; so the operator gives none, and the plan has a mark in its place until
 * the key is known.
 */
import { isIPv4, isIPv6 } from "node:net";
import { addressFault, canonicalAddress, hostPort } from "../../contract/address.ts";
import { isPublicKey } from "../../contract/near-key.ts";

/** nearcore: MAX_PEER_ADDRS. */
export const mostPublicAddrs = 10;

interface PublicAddr {
  /** Another node that passes messages on to this one; null: this host's own. */
  readonly peer: string | null;
  readonly ip: string;
  readonly port: number;
}

/** `192.0.2.1:24567`, `[2001:db8::1]:24567`, either with `ed25519:…@` before it; null when it is neither. */
export function publicAddrFrom(text: string): PublicAddr | null {
  const match = /^(?:(ed25519:[1-9A-HJ-NP-Za-km-z]{32,44})@)?(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, peer = null, ip6, ip4, digits] = match;
  const port = Number(digits);
  if (port < 1 || port > 65_535 || (peer !== null && !isPublicKey(peer))) return null;
  if (ip6 !== undefined)
    return isIPv6(ip6) && addressFault(ip6) === null ? { peer, ip: canonicalAddress(ip6), port } : null;
  return ip4 !== undefined && isIPv4(ip4) ? { peer, ip: ip4, port } : null;
}

/** The one spelling of a sound one. */
export function canonicalPublicAddr(text: string): string {
  const { peer, ip, port } = soundPublicAddr(text);
  return `${peer === null ? "" : `${peer}@`}${hostPort(ip, port)}`;
}

/** Of one that the schema has taken. */
export const soundPublicAddr = (text: string) => publicAddrFrom(text) as PublicAddr;
