import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { faultOf, keyPlace, type PlaceFacts } from "./key-place.ts";

const path = "/run/holdfast-key";
const owner = { uid: 0, gid: 995 };
const good: PlaceFacts = { is: "directory", uid: 0, gid: 995, mode: 0o750, isMemory: true, isWritable: true };

describe("the key's directory", () => {
  test("as the plan has it made is a place for the key", () => {
    expect(faultOf(path, good, owner)).toBeNull();
  });

  test.for<[string, PlaceFacts, string | null]>([
    ["is not there", { is: "absent" }, "restart"],
    ["is no directory", { is: "no-directory" }, null],
    ["cannot be looked at: EIO", { is: "unknown", because: "EIO" }, null],
    ["is not on a tmpfs", { ...good, isMemory: false }, null],
    ["belongs to 997:995, not to 0:995", { ...good, uid: 997 }, "attributes"],
    ["belongs to 0:0, not to 0:995", { ...good, gid: 0 }, "attributes"],
    ["has the mode 755, not 750", { ...good, mode: 0o755 }, "attributes"],
    ["has the mode 4750, not 750", { ...good, mode: 0o4750 }, "attributes"],
    ["cannot be written to by the agent", { ...good, isWritable: false }, "restart"],
  ])("that %s is none", ([what, facts, mend]) => {
    const fault = faultOf(path, facts, owner);
    expect(fault?.because).toContain(`${path} ${what}`);
    expect(fault?.mend).toBe(mend);
  });

  test("that is not on a tmpfs is named for that before all else, and never mended into looking right", () => {
    const fault = faultOf(path, { ...good, isMemory: false, uid: 997, mode: 0o777 }, owner);
    expect(fault).toMatchObject({ because: expect.stringContaining("would reach a disk"), mend: null });
  });
});

// A tmpfs that every Linux has.
describe("on this machine", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync("/dev/shm/holdfast-key-place-");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const place = (at = folder) => keyPlace(at, process.getgid?.() ?? 0, process.getuid?.() ?? 0);

  test("what a running agent can mend is mended", () => {
    chmodSync(folder, 0o777);
    expect(place().fault()?.because).toContain("has the mode 777, not 750");
    expect(place().mend()).toBeNull();
    expect(statSync(folder).mode & 0o7777).toBe(0o750);
  });

  test("one that is gone, or a link to another, is said, and left to others", () => {
    expect(place(join(folder, "gone")).mend()).toMatchObject({ mend: "restart" });
    mkdirSync(join(folder, "real"), { mode: 0o750 });
    symlinkSync(join(folder, "real"), join(folder, "link"));
    expect(place(join(folder, "link")).mend()?.because).toContain("is no directory");
  });

  test("a directory on a disk is no place", () => {
    expect(keyPlace("/usr", 0).fault()?.because).toContain("is not on a tmpfs");
  });
});
