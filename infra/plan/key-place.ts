/**
 * The directory where neard finds its key, as parts of a spec.
 */
import type { HostSpecInput } from "../../contract/host-spec.ts";
import { keyDirectoryRights, paths, users } from "../../contract/paths.ts";
import { textFile } from "./spec-parts.ts";

/** Has the directory made: at boot, and before an agent starts. */
export const keyPlaceFile = "/etc/tmpfiles.d/holdfast.conf";

const { mode, owner, group } = keyDirectoryRights;

export const keyPlace = {
  users: [{ name: users.neard, home: paths.neardHome }],
  directories: [{ path: paths.keyDirectory, mode, group, inMemory: true }],
  // It is on tmpfs: it has to be made again at every boot.
  files: [textFile(keyPlaceFile, [`d ${paths.keyDirectory} ${mode} ${owner} ${group} -`])],
} satisfies Partial<HostSpecInput>;
