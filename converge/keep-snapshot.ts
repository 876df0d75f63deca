/**
 * A snapshot of Consul before its version changes on this host, kept here: the way back should the new version spoil its
 * data. Every server takes its own, the first one before anything has changed; no host gets to see more than it has, for
 * a server has all of it on its disk.
 *
 * Awkward case: Consul does not know the stack's management token, which it takes (a cluster that is being adopted). Then
 * it is said, and the upgrade goes on; any other failure stops it, for nothing was changed yet.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError, plainReason } from "../contract/errors.ts";
import { paths } from "../contract/paths.ts";
import { managementTokenOnStdin } from "../contract/wire/host-spec.ts";
import { tokenUnknown } from "../host/consul/errors.ts";
import { saveSnapshot } from "../host/consul/snapshot.ts";
import { deleteFile, writeFileAtomic } from "./atomic-file.ts";
import { type Given, readConsulAccess } from "./consul-access.ts";
import { type Progress, whileWaiting } from "./progress.ts";
import type { Step } from "./steps.ts";

/** One upgrade writes one; who goes back and forth has the last few states to choose from. */
const kept = 5;

/** Another Consul is about to come to this host. */
export function replacesConsul(step: Step): boolean {
  return step.kind === "artifact" && step.artifact.path === paths.consul;
}

/** What keeping one takes of the host. */
export interface SnapshotPlace {
  /** Undefined: nobody brought the management token. */
  save: (() => Promise<Buffer>) | undefined;
  names(): Promise<string[]>;
  write(name: string, content: Buffer): Promise<void>;
  remove(name: string): Promise<void>;
}

/** @throws HoldfastError HF_REFUSED when none could be taken */
export async function keepSnapshot(given: Given, progress: Progress): Promise<void> {
  const token = given.secrets[managementTokenOnStdin];
  const at = (name: string) => join(paths.consulSnapshots, name);
  await keepIn(
    {
      save:
        token === undefined ? undefined : async () => await saveSnapshot((await readConsulAccess(given)) ?? [], token),
      names: () => readdir(paths.consulSnapshots).catch(() => []),
      write: (name, content) => writeFileAtomic(at(name), content, { mode: "0600", uid: 0, gid: 0 }),
      remove: (name) => deleteFile(at(name)),
    },
    given.spec.host,
    new Date(),
    progress,
  );
}

/** Exported for its test alone. */
export async function keepIn(place: SnapshotPlace, host: string, now: Date, progress: Progress): Promise<void> {
  const { save } = place;
  // A client that is no server: it has no token for it, and no data to lose.
  if (save === undefined) return;
  let snapshot: Buffer;
  try {
    snapshot = await whileWaiting(progress, "saving a snapshot of Consul before its version changes", save());
  } catch (error) {
    if (!tokenUnknown(error)) throw notSaved(host, error);
    progress(
      "no snapshot of Consul is saved before its version changes, for it does not know this stack's management token",
    );
    return;
  }
  const name = `${now.toISOString().replaceAll(":", "-").replace(/\..*/, "Z")}.snap`;
  await place.write(name, snapshot);
  progress(
    `Consul's data before its version changes is in ${join(paths.consulSnapshots, name)} (${snapshot.length} bytes)`,
  );
  // By name is by time.
  for (const old of (await place.names())
    .filter((one) => one.endsWith(".snap"))
    .toSorted()
    .slice(0, -kept))
    await place.remove(old);
}

function notSaved(host: string, cause: unknown): HoldfastError {
  return new HoldfastError(
    "HF_REFUSED",
    `Consul on ${host} does not get another version: a snapshot of its data could not be saved first: ${plainReason(cause).replace(/\.$/, "")}.`,
    { next: "See what holdfast snapshot save says, mend that, and run pulumi up again: it goes on from here.", cause },
  );
}
