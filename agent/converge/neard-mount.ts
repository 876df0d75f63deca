/**
 * neard's home on a file system of its own. The plan is the same for every host; here the unit of a host whose home is a
 * mount point learns that it must be one. Pure.
 *
 * RequiresMountsFor= in the unit is enough for what stands in fstab. What was mounted by other means has no unit after a
 * reboot: neard would start on the root disk, and fill it. So systemd is to assert it, and an apply does not go on where
 * it is gone.
 * Awkward case: telling "moved to the root disk on purpose" from "not mounted". Only the operator knows: he deletes the
 * stored spec.
 */
import { HoldfastError } from "../../contract/errors.ts";
import type { HostSpec } from "../../contract/host-spec.ts";
import { paths, units } from "../../contract/paths.ts";

const assertion = `AssertPathIsMountPoint=${paths.neardHome}`;
const unitPath = `/etc/systemd/system/${units.neard}`;

/** @param mounts on which something is mounted now. @param stored the spec that went through last */
export function fitToMounts(spec: HostSpec, mounts: readonly string[], stored: HostSpec | null): HostSpec {
  if (spec.concern !== "neard" || !(mounts.includes(paths.neardHome) || asserts(stored))) return spec;
  const files = spec.files.map((file) =>
    file.path === unitPath && !file.lines.includes(assertion)
      ? { ...file, lines: file.lines.flatMap((line) => (line === "[Unit]" ? [line, assertion] : [line])) }
      : file,
  );
  return { ...spec, files };
}

/** What is wrong, as one clause; null: nothing. */
export function missingMount(spec: HostSpec, mounts: readonly string[]): string | null {
  return asserts(spec) && !mounts.includes(paths.neardHome)
    ? `${paths.neardHome} was a file system of its own when ${spec.host} was deployed, and is not mounted`
    : null;
}

/** @throws HoldfastError HF_HOST_UNFIT */
export function requireMount(spec: HostSpec, mounts: readonly string[]): void {
  const missing = missingMount(spec, mounts);
  if (missing === null) return;
  throw new HoldfastError("HF_HOST_UNFIT", `${missing}. Nothing was changed there.`, {
    next:
      "Mount it. If neard shall have its data on another disk from now on, delete " +
      `${paths.specs}/neard.json on ${spec.host} and run pulumi up again.`,
  });
}

function asserts(spec: HostSpec | null): boolean {
  return spec?.files.some((file) => file.path === unitPath && file.lines.includes(assertion)) === true;
}
