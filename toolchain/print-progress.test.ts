import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { launcher } from "./plugin-install.ts";
import { describeProgress } from "./print-progress.ts";

test("progress says what, how far, how long and where the log is", () => {
  expect(describeProgress({ tool: "consul", step: "building", elapsedMs: 2_400 })).toBe("consul: building (2s)");
  expect(describeProgress({ tool: "consul", step: "building", elapsedMs: 64_000, logFile: "/l" })).toBe(
    "consul: building (1m04s, log: /l)",
  );
});

test("the plugin's launcher runs the bundle beside it with the given Node, or with the one on PATH", () => {
  const directory = join(mkdtempSync(join(tmpdir(), "launcher-")), "it's here");
  mkdirSync(directory);
  writeFileSync(join(directory, "plugin.cjs"), "console.log(process.argv.slice(2).join())");
  for (const node of [process.execPath, "/nonexistent/node"]) {
    writeFileSync(join(directory, "run"), launcher(node), { mode: 0o755 });
    expect(execFileSync(join(directory, "run"), ["a", "b c"]).toString()).toBe("a,b c\n");
  }
  rmSync(directory, { recursive: true });
});
