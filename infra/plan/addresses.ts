/** Addresses as the various files want them written. */
import { isIPv6 } from "node:net";

/** `192.0.2.1:8501`, `[2001:db8::1]:8501`. */
export function hostPort(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

/** nft's word for the family of an address or CIDR block. */
export function nftFamily(block: string): "ip" | "ip6" {
  return block.includes(":") ? "ip6" : "ip";
}
