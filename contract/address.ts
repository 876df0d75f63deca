/**
 * IP addresses, of which IPv6 has many spellings for each: here they become one (RFC 5952), so that everywhere else
 * two addresses are the same when their texts are. Node's own parser and printer do the work.
 *
 * Awkward case: Node's BlockList takes an IPv4 address for an IPv6 one in disguise, so `::/0` lets all of IPv4 through
 * there. A packet filter does not: IPv4 is never in an IPv6 block. Compare by `isWithin`.
 */
import { BlockList, isIP, isIPv4, isIPv6, SocketAddress } from "node:net";

export type AddressFamily = "ipv4" | "ipv6";

/** Of an address or a block of them, sound ones. */
export function familyOf(address: string): AddressFamily {
  return address.includes(":") ? "ipv6" : "ipv4";
}

/** The one spelling of a sound address: `2001:DB8:0::1` is `2001:db8::1`. Any other text comes back as it is. */
export function canonicalAddress(address: string): string {
  return isIPv6(address) && !address.includes("%") ? new SocketAddress({ address, family: "ipv6" }).address : address;
}

/** The one spelling of a sound block: without leading zeros, and one address as just that address. */
export function canonicalBlock(block: string): string {
  const [ip = "", bits] = block.split("/");
  const address = canonicalAddress(ip);
  const isOne = bits === undefined || Number(bits) === (isIPv4(ip) ? 32 : 128);
  return isOne ? address : `${address}/${Number(bits)}`;
}

/** An IPv4 address in IPv6 clothes. */
const mapped = blockList(["::ffff:0:0/96"], "ipv6");

/** What keeps `text` from being the address of one host, as the end of "must be …"; null: nothing. */
export function addressFault(text: string): string | null {
  if (isIP(text) === 0) return "must be an IPv4 or IPv6 address";
  if (text.includes("%"))
    return "must be an address without a zone (%): a link-local one means something else on every host";
  if (isIPv6(text) && mapped.check(text, "ipv6")) return "must be given as the IPv4 address that it is";
  return null;
}

/** What keeps `text` from being an address or a CIDR block, likewise. */
export function blockFault(text: string): string | null {
  const [ip = "", bits, ...rest] = text.split("/");
  const isSound =
    isIP(ip) !== 0 &&
    rest.length === 0 &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv4(ip) ? 32 : 128)));
  return isSound ? addressFault(ip) : "must be an address or a CIDR block, such as 192.0.2.0/24";
}

/** Whether a packet filter that lets these blocks in lets `address` in: within its own family only. */
export function isWithin(blocks: readonly string[], address: string): boolean {
  const family = familyOf(address);
  return blockList(blocks, family).check(address, family);
}

/**
 * The address of a peer as the system tells it: one that an IPv6 socket sees of an IPv4 peer becomes IPv4, and a
 * link-local one loses its zone.
 */
export function peerAddress(told: string): string {
  const [address = ""] = told.split("%");
  if (!isIPv6(address) || !mapped.check(address, "ipv6")) return canonicalAddress(address);
  return canonicalAddress(address).replace(/^::ffff:/, "");
}

/** `192.0.2.1:8501`, `[2001:db8::1]:8501`. */
export function hostPort(host: string, port: number): string {
  return `${inUrl(host)}:${port}`;
}

/** As the host of a URL: an IPv6 address in brackets. */
export function inUrl(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

/** The host of a URL, without the brackets that only URLs want. */
export function fromUrl(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

function blockList(blocks: readonly string[], family: AddressFamily): BlockList {
  const list = new BlockList();
  for (const block of blocks.filter((one) => familyOf(one) === family)) {
    const [ip = "", bits] = block.split("/");
    if (bits === undefined) list.addAddress(ip, family);
    else list.addSubnet(ip, Number(bits), family);
  }
  return list;
}
