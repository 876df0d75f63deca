/**
 * Names for source addresses, from the file that `--hosts` names: a JSON object, host name to its
 * address or addresses. Read again whenever it changed; an address that is not in it stands for itself.
 */
import { readFileSync, statSync } from "node:fs";
import * as z from "zod";

const hostsSchema = z.record(z.string(), z.union([z.string(), z.array(z.string())]));

/** A function from a source address to a host's name. A broken or absent file keeps the names known so far. */
export function hostNames(path: string | undefined): (address: string) => string {
  let names = new Map<string, string>();
  let readAtMtime = Number.NaN;
  return (address) => {
    if (path !== undefined) {
      const mtimeMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NaN;
      if (mtimeMs !== readAtMtime && !Number.isNaN(mtimeMs)) {
        names = readNames(path) ?? names;
        readAtMtime = mtimeMs;
      }
    }
    const plain = plainAddress(address);
    return names.get(plain) ?? plain;
  };
}

/** `::ffff:10.0.0.1` is how a dual-stack listener spells 10.0.0.1. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, "");
}

function readNames(path: string): Map<string, string> | undefined {
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
  const hosts = hostsSchema.safeParse(data);
  if (!hosts.success) return undefined;
  return new Map(
    Object.entries(hosts.data).flatMap(([name, addresses]) => [addresses].flat().map((address) => [address, name])),
  );
}
