import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { installDirectory, launchInCache, readMarker, toolsDirectory, withLock } from "./cache.ts";

const before = process.env.XDG_CACHE_HOME;

beforeEach(async () => {
  process.env.XDG_CACHE_HOME = mkdtempSync(join(tmpdir(), "cache-"));
  await mkdir(toolsDirectory(), { recursive: true });
});

afterEach(() => {
  rmSync(process.env.XDG_CACHE_HOME ?? "", { recursive: true });
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
});

const marker = { from: "built", version: "1.0.0" } as const;

test("a directory appears whole, with where it came from", async () => {
  const directory = join(toolsDirectory(), "tool-1.0.0");
  await installDirectory(directory, marker, async (into) => {
    expect(existsSync(directory)).toBe(false);
    await writeFile(join(into, "tool"), "new");
  });
  expect(readMarker(directory)).toEqual(marker);
  expect(readFileSync(join(directory, "tool"), "utf8")).toBe("new");
  expect(readdirSync(toolsDirectory())).toEqual(["tool-1.0.0"]);
});

test("a launcher runs its program, whatever was there before, and is left alone when it does", async () => {
  const path = join(toolsDirectory(), "it's here");
  symlinkSync("/nowhere", path);
  await launchInCache(path, ["/bin/echo", "-n", "it's"]);
  const { ino } = lstatSync(path);
  await launchInCache(path, ["/bin/echo", "-n", "it's"]);
  expect(lstatSync(path).ino).toBe(ino);
  expect(spawnSync(path, ["a", "b c"]).stdout.toString()).toBe("it's a b c");
});

test("a failed installation leaves what was there before, and nothing else", async () => {
  const directory = join(toolsDirectory(), "tool-1.0.0");
  await installDirectory(directory, marker, (into) => writeFile(join(into, "tool"), "old"));
  const failing = installDirectory(directory, marker, async (into) => {
    await writeFile(join(into, "tool"), "half");
    throw new Error("no space left");
  });
  await expect(failing).rejects.toThrow("no space left");
  expect(readFileSync(join(directory, "tool"), "utf8")).toBe("old");
  expect(readdirSync(toolsDirectory())).toEqual(["tool-1.0.0"]);
});

test("actions under one name come one after the other, and the waiting one hears whom it waits for", async () => {
  const events: string[] = [];
  const waits: string[] = [];
  const action = async (name: string): Promise<void> => {
    events.push(`${name} begins`);
    await pause(100);
    events.push(`${name} ends`);
  };
  const onWait = (pid: number) => {
    waits.push(`for ${pid}`);
    return { end: () => void waits.push("over") };
  };
  await Promise.all([withLock("x", () => action("a"), onWait), withLock("x", () => action("b"), onWait)]);
  expect(events).toHaveLength(4);
  expect([events[1], events[3]]).toEqual([events[0], events[2]].map((event) => event?.replace("begins", "ends")));
  expect(waits).toEqual([`for ${process.pid}`, "over"]);
});

test("what a run that died left half done is removed", async () => {
  await mkdir(join(toolsDirectory(), ".tool-1.0.0.part-1"));
  await installDirectory(join(toolsDirectory(), "tool-1.0.0"), marker, async () => {});
  expect(readdirSync(toolsDirectory())).toEqual(["tool-1.0.0"]);
});

test("the lock of a dead process is taken over", async () => {
  writeFileSync(join(toolsDirectory(), ".x.lock"), `${spawnSync("true").pid} 12345\n`);
  expect(await withLock("x", async () => "done")).toBe("done");
  expect(readdirSync(toolsDirectory())).toEqual([]);
});

test("a process that only has the number of the dead one does not hold its lock", async () => {
  writeFileSync(join(toolsDirectory(), ".x.lock"), `${process.pid} 1\n`);
  expect(await withLock("x", async () => "done")).toBe("done");
});
