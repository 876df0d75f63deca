/**
 * IPv4 blocks and the addresses in them: where a network, its subnet and its hosts may be. Pure.
 *
 * Idea: a host that names no address gets the one that the SHA-256 of its name points at. So it depends on nothing but
 * name and subnet: no other host that comes or goes moves it, and a preview knows it (docs/decisions/0018).
 * Awkward case: two names may point at one address. That is a fault, and one of the two is given an address by hand.
 */
import { createHash } from "node:crypto";
import { isIPv4 } from "node:net";
import { canonicalAddress, familyOf } from "../../contract/address.ts";

/** Of 32 bits: the first address, and how many bits are the block's. */
interface Block {
  readonly first: number;
  readonly bits: number;
  readonly size: number;
}

/** What may be private (RFC 1918), and so a network at Hetzner. */
const privates = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
/** The gateway of every network at Hetzner's own side; they give it to no host. */
const hetznersOwn = "172.31.1.1";

/** @param text `10.0.0.0/16`, sound */
function blockFrom(text: string): Block {
  const [ip = "", bits = "32"] = text.split("/");
  const size = 2 ** (32 - Number(bits));
  return { first: Math.floor(numberFrom(ip) / size) * size, bits: Number(bits), size };
}

function numberFrom(ip: string): number {
  return ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function textFrom(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

/** `192.0.2.7/24` is `192.0.2.0/24`, and `192.0.2.7` is `192.0.2.7/32`. IPv4, sound. */
export function networkBlock(text: string): string {
  const { first, bits } = blockFrom(text);
  return `${textFrom(first)}/${bits}`;
}

/** Likewise of either family: a block as Hetzner's firewalls want it. @param text sound */
export function cloudBlock(text: string): string {
  if (familyOf(text) === "ipv4") return networkBlock(text);
  const [ip = "", bits = "128"] = text.split("/");
  const [before = "", after] = ip.split("::");
  const words = (part: string | undefined) => (part === undefined || part === "" ? [] : part.split(":"));
  const missing = Array<string>(8 - words(before).length - words(after).length).fill("0");
  const all = [...words(before), ...(after === undefined ? [] : missing), ...words(after)];
  const kept = all.map((word, i) => {
    const free = Math.min(16, Math.max(0, 16 * (i + 1) - Number(bits)));
    return (Math.floor(Number.parseInt(word, 16) / 2 ** free) * 2 ** free).toString(16);
  });
  return `${canonicalAddress(kept.join(":"))}/${bits}`;
}

/** Whether all of `inner` is in `outer`. */
export function isBlockWithin(inner: string, outer: string): boolean {
  const [a, b] = [blockFrom(inner), blockFrom(outer)];
  return a.first >= b.first && a.first + a.size <= b.first + b.size;
}

/** What keeps `text` from being a private network of 4 to 2^24 addresses, as the end of "must be …"; null: nothing. */
export function privateBlockFault(text: string): string | null {
  const [ip = "", bits = "", ...rest] = text.split("/");
  if (rest.length > 0 || !isIPv4(ip) || !/^\d{1,2}$/.test(bits) || Number(bits) > 29 || Number(bits) < 8)
    return 'must be an IPv4 block of /8 to /29, such as "10.233.0.0/16"';
  if (networkBlock(text) !== text) return `must begin where its block does: ${networkBlock(text)}`;
  return privates.some((all) => isBlockWithin(text, all))
    ? null
    : `must be a private network: within ${privates.join(", ")}`;
}

/** What keeps `address` from being a host's in `subnet` of the network `range`; null: nothing. */
export function subnetAddressFault(address: string, subnet: string, range: string): string | null {
  if (!isIPv4(address)) return "is no IPv4 address, and Hetzner's networks have no others";
  if (!isBlockWithin(address, subnet)) return `is not in the subnet ${subnet}`;
  const { first, size } = blockFrom(subnet);
  const at = numberFrom(address);
  if (at === first || at === first + size - 1) return `is the first or last address of the subnet ${subnet}`;
  if (at === blockFrom(range).first + 1) return `is the gateway of the network ${range}`;
  return address === hetznersOwn ? "is Hetzner's own in every network" : null;
}

/** The address of a host that names none. */
export function addressByName(name: string, subnet: string): string {
  const { first, size } = blockFrom(subnet);
  // Not the first two, of which the second may be the gateway, nor the last.
  const usable = size - 3;
  const at = first + 2 + (createHash("sha256").update(name).digest().readUIntBE(0, 6) % usable);
  return textFrom(at === numberFrom(hetznersOwn) ? at + 1 : at);
}
