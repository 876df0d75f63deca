/**
 * One look at this host for several concerns: what more than one of them asks for is read once. Starting a program
 * costs as much as reading a hundred files, and every `pulumi up` has each host look at itself.
 */

import { paths } from "../contract/paths.ts";
import type { HostSpec } from "../contract/wire/host-spec.ts";
import { loadableCredential } from "./credentials.ts";
import { DigestMemory } from "./digest-memory.ts";
import type { UnitFact } from "./facts.ts";
import { credentialPath } from "./inventory.ts";
import { sha256 } from "./plan-steps.ts";
import { readUnits } from "./systemd.ts";

export interface Look {
  units(names: readonly string[]): Promise<Map<string, UnitFact>>;
  /** SHA-256 of the clear text; null when it is not there for a unit that starts now. */
  credential(name: string): Promise<string | null>;
  /** SHA-256 of the file's content. */
  digest(path: string): Promise<string>;
  /** To be called at the end by who has the host to itself: the next look need not read so much. */
  remember(): Promise<void>;
}

/** @param specs of all concerns that will ask */
export function lookFor(specs: readonly HostSpec[]): Look {
  const all = new Set(specs.flatMap((spec) => spec.units.map((unit) => unit.name)));
  let units: Promise<Map<string, UnitFact>> | undefined;
  const credentials = new Map<string, Promise<string | null>>();
  const digests = new DigestMemory(paths.digests);
  return {
    async units(names) {
      units ??= readUnits([...all]);
      const read = await units;
      return new Map([...read].filter(([name]) => names.includes(name)));
    },
    async credential(name) {
      const known = credentials.get(name) ?? readCredential(name);
      credentials.set(name, known);
      return await known;
    },
    digest: (path) => digests.digest(path),
    remember: () => digests.save(),
  };
}

async function readCredential(name: string): Promise<string | null> {
  try {
    return sha256(await loadableCredential(name, credentialPath(name)));
  } catch {
    // Absent, sealed elsewhere, damaged, not where systemd looks: the plan seals it anew, and the paths' facts say which it was.
    return null;
  }
}
