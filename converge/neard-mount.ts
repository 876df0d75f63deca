/**
 * neard's home, or its data below it, on a file system of its own. The plan is the same for every host; here the unit of
 * a host that has mount points there learns that they must be mounted. Pure.
 *
 * RequiresMountsFor= in the unit is enough for what stands in fstab. What was mounted by other means has no unit after a
 * reboot: neard would start on the root disk, and fill it. So systemd is to assert it, and an apply does not go on where
 * it is gone.
 * Awkward case: telling "moved to the root disk on purpose" from "not mounted". Only the operator knows: he deletes the
 * stored spec.
 */
import { HoldfastError } from "../contract/errors.ts";
import { paths, units } from "../contract/paths.ts";
import type { HostSpec } from "../contract/wire/host-spec.ts";

const assertion = "AssertPathIsMountPoint=";
const unitPath = `/etc/systemd/system/${units.neard}`;

/** @param mounts on which something is mounted now. @param stored the spec that went through last */
export function fitToMounts(spec: HostSpec, mounts: readonly string[], stored: HostSpec | null): HostSpec {
  if (spec.concern !== "neard") return spec;
  const now = mounts.filter((mount) => `${mount}/`.startsWith(`${paths.neardHome}/`));
  const wanted = [...new Set([...now, ...asserted(stored)])].filter((at) => !asserted(spec).includes(at)).toSorted();
  if (wanted.length === 0) return spec;
  const lines = wanted.map((mount) => `${assertion}${mount}`);
  const files = spec.files.map((file) =>
    file.path === unitPath
      ? { ...file, lines: file.lines.flatMap((line) => (line === "[Unit]" ? [line, ...lines] : [line])) }
      : file,
  );
  return { ...spec, files };
}

/** What is wrong, as one clause; null: nothing. */
export function missingMount(spec: HostSpec, mounts: readonly string[]): string | null {
  const missing = asserted(spec).filter((mount) => !mounts.includes(mount));
  return missing.length === 0
    ? null
    : `${missing.join(", ")} was a file system of its own when ${spec.host} was deployed, and is not mounted`;
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

function asserted(spec: HostSpec | null): string[] {
  const lines = spec?.files.find((file) => file.path === unitPath)?.lines ?? [];
  return lines.filter((line) => line.startsWith(assertion)).map((line) => line.slice(assertion.length));
}
