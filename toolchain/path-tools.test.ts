import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findOnPath, parseVersion } from "./path-tools.ts";

const saved = { ...process.env };
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "path-"));
  process.env.XDG_CACHE_HOME = join(directory, "cache");
  process.env.PATH = `${directory}:/usr/bin:/bin`;
});
afterEach(() => {
  process.env = { ...saved };
  rmSync(directory, { recursive: true });
});

const install = (version: string): void =>
  writeFileSync(join(directory, "consul"), `#!/bin/sh\necho run >> ${directory}/runs\necho 'Consul v${version}'\n`, {
    mode: 0o755,
  });

test("a program with a fitting version is taken", async () => {
  install("1.22.1");
  expect(await findOnPath("consul")).toEqual({ path: join(directory, "consul"), version: "1.22.1" });
});

test("one with another version is not", async () => {
  install("1.9.0");
  expect(await findOnPath("consul")).toBeUndefined();
});

test("a changed program is asked again, an unchanged one is not", async () => {
  install("1.22.1");
  await findOnPath("consul");
  await findOnPath("consul");
  const { size } = await import("node:fs").then(({ statSync }) => statSync(join(directory, "runs")));
  expect(size).toBe("run\n".length);
  install("1.22.10");
  expect((await findOnPath("consul"))?.version).toBe("1.22.10");
});

test("versions are read from what the programs print", () => {
  expect(parseVersion("Consul v1.20.6\nRevision 1\n")).toBe("1.20.6");
  expect(parseVersion("v3.259.0\n")).toBe("3.259.0");
  expect(parseVersion("3.259.0-alpha.1")).toBe("3.259.0");
  expect(parseVersion("no version")).toBeUndefined();
});
