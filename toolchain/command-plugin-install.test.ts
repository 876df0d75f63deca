import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { launcher, wantsOwn } from "./command-plugin-install.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "launcher-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("the plugin's launcher runs the bundle beside it with the first Node on PATH", () => {
  const home = join(directory, "it's here");
  mkdirSync(home);
  writeFileSync(join(home, "plugin.cjs"), "console.log(process.execPath, process.argv.slice(2).join())");
  writeFileSync(join(home, "run"), launcher, { mode: 0o755 });
  const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const said = execFileSync(join(home, "run"), ["a", "b c"], { env: { ...process.env, PATH } });
  expect(said.toString()).toBe(`${process.execPath} a,b c\n`);
});

test("which plugin is wanted: an unknown word is refused, never taken for no", () => {
  expect([undefined, "", "own"].map(wantsOwn)).toEqual([false, false, true]);
  expect(() => wantsOwn("ours")).toThrow("HOLDFAST_COMMAND_PLUGIN is ours.");
});
