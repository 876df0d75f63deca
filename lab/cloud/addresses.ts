/** IPv4 arithmetic for networks, and made-up addresses of the rest. Pure. */

export interface Range {
  /** First address, as a number. */
  readonly first: number;
  readonly prefix: number;
}

export function toNumber(ip: string): number | undefined {
  const parts = ip.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((number, part) => number * 256 + Number(part), 0);
}

export function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}

export const sizeOf = ({ prefix }: Range): number => 2 ** (32 - prefix);

/** undefined unless it is `a.b.c.d/n` with no bit set behind the prefix. */
export function parseRange(text: string): Range | undefined {
  const [, ip, bits] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  const first = ip === undefined ? undefined : toNumber(ip);
  const prefix = Number(bits);
  if (first === undefined || prefix > 32) return undefined;
  return first % 2 ** (32 - prefix) === 0 ? { first, prefix } : undefined;
}

export function contains(range: Range, ip: string | Range): boolean {
  const first = typeof ip === "string" ? toNumber(ip) : ip.first;
  if (first === undefined) return false;
  const size = typeof ip === "string" ? 1 : sizeOf(ip);
  return first >= range.first && first + size <= range.first + sizeOf(range);
}

export function overlap(a: Range, b: Range): boolean {
  return a.first < b.first + sizeOf(b) && b.first < a.first + sizeOf(a);
}

const privateRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map((text) => parseRange(text) as Range);

export const isPrivate = (range: Range): boolean => privateRanges.some((allowed) => contains(allowed, range));

/** The `n`th address of a range. */
export const nth = (range: Range, n: number): string => toAddress(range.first + n);

/** The lowest address of a range that is free; the first, its gateway (the second) and the last are never. */
export function lowestFree(range: Range, taken: ReadonlySet<string>): string | undefined {
  for (let n = 2; n < sizeOf(range) - 1; n++) if (!taken.has(nth(range, n))) return nth(range, n);
  return undefined;
}

/** A network card's address, of the locally administered kind. It differs at every attachment, as the real ones do. */
export function macOf(id: number): string {
  const hex = id.toString(16).padStart(10, "0").slice(-10);
  return `86:${(hex.match(/../g) as string[]).join(":")}`;
}
