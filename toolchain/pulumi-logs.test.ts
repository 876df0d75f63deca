import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keepLogsOff } from "./pulumi-logs.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "holdfast-pulumi-home-"));
});
afterEach(() => rmSync(home, { recursive: true }));

test("a file is where Pulumi would make its folder, in a new home and in one that has logs", () => {
  for (const at of [join(home, "new"), home]) {
    mkdirSync(join(home, "logs"), { recursive: true });
    writeFileSync(join(home, "logs", "pulumi-1.log"), "");
    keepLogsOff(at);
    expect(readFileSync(join(at, "logs"), "utf8")).toContain("pulumi up --logtostderr -v=9");
  }
});

test("one that is there stays, and what cannot be done ends nothing", () => {
  keepLogsOff(home);
  const before = statSync(join(home, "logs")).ino;
  keepLogsOff(home);
  expect(statSync(join(home, "logs")).ino).toBe(before);
  expect(() => keepLogsOff(join(home, "logs", "below a file"))).not.toThrow();
});
