/**
 * The directory where neard finds its key: there before the key is due, on memory alone, root's and neard's group's.
 *
 * Think of a landing place: whoever is to take over looks whether it is free while there is still time, not when the
 * other has let go. So a host without a sound place is not ready, and says why.
 * Awkward case: it vanishes while the agent runs. Within the agent's own view of the files everything around it is
 * read-only, and stays so for a directory that is made anew: only a new agent, whose unit makes it first, can have it.
 */
import { accessSync, chmodSync, chownSync, constants, lstatSync, statfsSync } from "node:fs";
import { keyDirectoryRights } from "../../contract/paths.ts";
import { memoryFileSystems } from "../../host/system/memory-file-systems.ts";

/** What is at the place. */
export type PlaceFacts =
  | { readonly is: "absent" }
  | { readonly is: "no-directory" }
  | { readonly is: "unknown"; readonly because: string }
  | {
      readonly is: "directory";
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
      /** tmpfs or ramfs: nothing of it is ever on a disk of ours. */
      readonly isMemory: boolean;
      readonly isWritable: boolean;
    };

export interface PlaceFault {
  /** A sentence's end. */
  readonly because: string;
  /** What may mend it: setting owner and mode, a new agent; null: somebody has to look. */
  readonly mend: "attributes" | "restart" | null;
}

const placeMode = Number.parseInt(keyDirectoryRights.mode, 8);

/** Null: the key may be put there. @param gid neard's group */
export function faultOf(path: string, facts: PlaceFacts, owner: { uid: number; gid: number }): PlaceFault | null {
  const fault = (what: string, mend: PlaceFault["mend"]) => ({ because: `${path} ${what}`, mend });
  if (facts.is === "absent") return fault("is not there", "restart");
  if (facts.is === "no-directory") return fault("is no directory", null);
  if (facts.is === "unknown") return fault(`cannot be looked at: ${facts.because}`, null);
  // Before all else: what is written there must never reach a disk.
  if (!facts.isMemory) return fault("is not on a tmpfs: the key would reach a disk", null);
  if (facts.uid !== owner.uid || facts.gid !== owner.gid)
    return fault(`belongs to ${facts.uid}:${facts.gid}, not to ${owner.uid}:${owner.gid}`, "attributes");
  if (facts.mode !== placeMode)
    return fault(`has the mode ${facts.mode.toString(8)}, not ${placeMode.toString(8)}`, "attributes");
  return facts.isWritable ? null : fault("cannot be written to by the agent", "restart");
}

export interface KeyPlace {
  fault(): PlaceFault | null;
  /** Sets owner and mode where that is all that is wrong. @returns what is wrong after it */
  mend(): PlaceFault | null;
}

/** On this host. @param uid whose it is: root's */
export function keyPlace(path: string, gid: number, uid = 0): KeyPlace {
  const fault = () => faultOf(path, lookAt(path), { uid, gid });
  return {
    fault,
    mend() {
      const before = fault();
      if (before?.mend !== "attributes") return before;
      try {
        // Its mode after its owner: whoever it belonged to could set it again in between.
        chownSync(path, uid, gid);
        chmodSync(path, placeMode);
      } catch {
        return before;
      }
      return fault();
    },
  };
}

function lookAt(path: string): PlaceFacts {
  try {
    const stat = lstatSync(path);
    if (!stat.isDirectory()) return { is: "no-directory" };
    const { uid, gid, mode } = stat;
    const isMemory = memoryFileSystems.has(statfsSync(path).type);
    return { is: "directory", uid, gid, mode: mode & 0o7777, isMemory, isWritable: isWritable(path) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? { is: "absent" } : { is: "unknown", because: message };
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
