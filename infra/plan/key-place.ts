/**
 * The directory where neard finds its key, as parts of a spec. The concerns `system` and `neard` both have them: neard's user
 * and the key's place come with the first and go with the last, so that a host that loses the role neard has them for as
 * long as its neard lives.
 */

import { keyDirectoryRights, paths, users } from "../../contract/paths.ts";
import type { HostSpecInput } from "../../contract/wire/host-spec.ts";
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
