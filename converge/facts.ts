/**
 * What is true on the host, as far as one spec cares. Plain data: `plan-steps.ts` compares it with the
 * spec, `read-facts.ts` fills it, tests make it up.
 */
import type { HostSpec } from "../contract/wire/host-spec.ts";
import type { Before } from "../contract/wire/identity.ts";
import type { Inventory, Pending } from "../contract/wire/pending.ts";
import type { InForce } from "./in-force.ts";

/** What is at a path, not following a symbolic link. Mode is four octal digits, as in the spec. */
export type PathFact =
  | { readonly kind: "absent" }
  | {
      readonly kind: "file";
      readonly mode: string;
      readonly owner: string;
      readonly group: string;
      readonly sha256: string;
    }
  | { readonly kind: "directory"; readonly mode: string; readonly owner: string; readonly group: string }
  /** A symbolic link, a socket, a device. */
  | { readonly kind: "other" };

export interface UserFact {
  readonly home: string;
  /** Groups that list the user, besides its own. */
  readonly groups: readonly string[];
}

/** As `systemctl show` has it. */
export interface UnitFact {
  /** `running`: a restart would disturb it. `down`: a start brings it (back), nothing is disturbed. */
  readonly state: "running" | "starting" | "down";
  /** systemd gave up on it. */
  readonly failed: boolean;
  /** How often systemd has restarted it by itself since somebody started it. */
  readonly restarts: number;
  /** Of its main process; 0: it has none. */
  readonly mainPid: number;
  /** There is such a unit. */
  readonly loaded: boolean;
  /** Enabled, or of a kind that cannot be (static, generated). */
  readonly enabled: boolean;
  /** Its file on disk is newer than what systemd has read. */
  readonly needsDaemonReload: boolean;
  /** The unit file that systemd reads; empty where there is none. */
  readonly fragment: string;
  /** What it reads besides. */
  readonly dropIns: readonly string[];
}

export interface HostFacts {
  readonly users: ReadonlyMap<string, UserFact>;
  readonly paths: ReadonlyMap<string, PathFact>;
  /** By name: sha256 of the unsealed text; null where the file is there and cannot be unsealed. */
  readonly credentials: ReadonlyMap<string, string | null>;
  readonly units: ReadonlyMap<string, UnitFact>;
  readonly inForce: InForce;
  /** The spec of the last apply of this concern that went through. */
  readonly stored: HostSpec | null;
  /** Left by an apply that did not go through. */
  readonly pending: Pending | null;
  /** What the host's other concerns have. */
  readonly elsewhere: Inventory;
  /** What was there before the first deployment; of its files those that are in the place of ours. */
  readonly before: Before;
}
