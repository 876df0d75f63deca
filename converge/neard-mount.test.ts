import { expect, test } from "vitest";
import { paths } from "../contract/paths.ts";
import { hostSpecSchema } from "../contract/wire/host-spec.ts";
import { fitToMounts, missingMount, requireMount } from "./neard-mount.ts";

const unit = (...lines: string[]) => ({ path: "/etc/systemd/system/neard.service", mode: "0644", lines });
const spec = hostSpecSchema.parse({ host: "host-a", concern: "neard", files: [unit("# ours", "[Unit]", "After=x")] });
const lines = (of: typeof spec) => of.files[0]?.lines;
const asserting = ["# ours", "[Unit]", `AssertPathIsMountPoint=${paths.neardHome}`, "After=x"];
const mounts = ["/", paths.neardHome];

test("a home like any other directory changes nothing", () => {
  expect(fitToMounts(spec, ["/"], spec)).toBe(spec);
  expect(missingMount(spec, ["/"])).toBeNull();
});

test("a home that is a mount point must be one at every start, once and for all", () => {
  const fitted = fitToMounts(spec, mounts, null);
  expect(lines(fitted)).toEqual(asserting);
  expect(lines(fitToMounts(fitted, mounts, fitted))).toEqual(asserting);
  expect(missingMount(fitted, mounts)).toBeNull();
});

test("not mounted any more: the unit still says so, and nothing is written to the root disk", () => {
  const fitted = fitToMounts(spec, ["/"], fitToMounts(spec, mounts, null));
  expect(lines(fitted)).toEqual(asserting);
  expect(() => requireMount(fitted, ["/"])).toThrow("is not mounted");
});

test("a file system below the home counts too, and a neighbour's does not", () => {
  const fitted = fitToMounts(spec, ["/", `${paths.neardHome}/data`, `${paths.neardHome}-old`], null);
  expect(lines(fitted)?.[2]).toBe(`AssertPathIsMountPoint=${paths.neardHome}/data`);
  expect(lines(fitted)).toHaveLength(4);
  expect(missingMount(fitted, ["/"])).toContain(`${paths.neardHome}/data was a file system of its own`);
});

test("other concerns have no such unit", () => {
  const other = hostSpecSchema.parse({ host: "host-a", concern: "agent" });
  expect(fitToMounts(other, mounts, null)).toBe(other);
});
