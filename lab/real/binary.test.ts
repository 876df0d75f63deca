import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { labNeardMarker } from "../neard/build.ts";
import { elfArchitecture, inspectNeard, releaseIn } from "./binary.ts";

const dir = mkdtempSync(join(tmpdir(), "holdfast-neard-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function fileWith(name: string, content: string | Buffer, mode = 0o755): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const elf = (machine: number): Buffer => {
  const head = Buffer.alloc(64);
  head.writeUInt32BE(0x7f454c46, 0);
  head[4] = 2;
  head.writeUInt16LE(machine, 18);
  return head;
};

test("the architecture of a program, from its first bytes", () => {
  expect(elfArchitecture(elf(62))).toBe("x64");
  expect(elfArchitecture(elf(183))).toBe("arm64");
  expect(elfArchitecture(elf(8))).toBe("machine 8");
  expect(elfArchitecture(Buffer.from("#!/bin/sh\nexec something else\n"))).toBeNull();
  expect(elfArchitecture(Buffer.alloc(3))).toBeNull();
});

test("the release, from what a real neard prints in two lines", () => {
  const printed =
    "neard (release 2.13.4) (build 2.13.4) (commit abc) (rustc 1.95.0) (protocol 86) (db 49)\nfeatures: [default]";
  expect(releaseIn(printed)).toBe("2.13.4");
  expect(releaseIn("neard (release trunk) (build x)")).toBe("trunk");
  expect(releaseIn("true (GNU coreutils) 9.1")).toBeNull();
  expect(releaseIn("")).toBeNull();
});

test.for([
  ["absent", (): string => join(dir, "nothing"), "does not exist"],
  ["a folder", (): string => dir, "is not a file"],
  ["not executable", (): string => fileWith("plain", elf(62), 0o644), "is not executable"],
  ["a script", (): string => fileWith("script", "#!/bin/sh\n"), "is not a Linux program"],
  ["for another machine", (): string => fileWith("other", elf(183)), "is for arm64, and this machine is x64"],
  ["the lab's own", (): string => fileWith("ours", `#!/x\n// ${labNeardMarker}: \n`), "is the lab's stand-in"],
  ["no neard", (): string => "/bin/true", "is no neard"],
] as const)("a file that is %s is refused, by name", async ([, file, because]) => {
  // `true` is this machine's own; the others are made for one.
  const arch = because === "is no neard" ? process.arch : "x64";
  const path = file();
  await expect(inspectNeard(path, arch)).rejects.toMatchObject({
    code: "HF_ARTIFACT_UNAVAILABLE",
    message: expect.stringContaining(`${path} ${because}`),
  });
});
