import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, test, vi } from "vitest";
import { startTicks, startTicksIn } from "../../host/system/start-ticks.ts";
import { isAlive, killAll, WatchedProcess } from "./processes.ts";

/** Nobody's: neither in /etc/passwd nor among the ranges that systemd hands out (systemd: UIDS-GIDS). */
const uid = 59_421;
const isRoot = process.getuid?.() === 0;
const noUnit = "holdfast-no-such-unit.service";

const started: ChildProcess[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

function start(options: { uid?: number } = {}): ChildProcess {
  const child = spawn("sleep", ["60"], { cwd: "/", stdio: "ignore", ...options });
  started.push(child);
  return child;
}

const nameOf = (child: ChildProcess): string => `${child.pid}:${startTicks(child.pid as number)}`;

test("a process is known by its start, for its pid may be another's by now", async () => {
  const child = start();
  await once(child, "spawn");
  const name = nameOf(child);
  expect(isAlive(name)).toBe(true);
  expect(isAlive(`${child.pid}:1`)).toBe(false);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(isAlive(name)).toBe(false);
});

test("a watched process is alive until it is gone, and one of another start never was", async () => {
  const child = start();
  await once(child, "spawn");
  const watched = [new WatchedProcess(nameOf(child)), new WatchedProcess(`${child.pid}:1`)];
  expect(watched.map((process) => process.isAlive)).toEqual([true, false]);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(watched.map((process) => process.isAlive)).toEqual([false, false]);
  for (const process of watched) process.close();
  expect(() => new WatchedProcess(nameOf(child))).toThrow("ENOENT");
});

test.for([
  ["lives", "S 1 7 7 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 5 0 1706126 9", "1706126"],
  ["is a zombie", "Z 1 7 7 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 1706126 9", null],
  ["has lost its first thread alone", "Z 1 7 7 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 2 0 1706126 9", "1706126"],
] as const)("a process that %s", ([, fields, ticks]) => {
  expect(startTicksIn(`7 (neard) Z) ${fields}`)).toBe(ticks);
});

test("a process that cannot be looked at is not taken for one that is gone", () => {
  // Of a program with no file descriptor left, about itself.
  const program = `
    import { openSync } from "node:fs";
    import { isAlive } from ${JSON.stringify(import.meta.resolve("./processes.ts"))};
    import { startTicks } from ${JSON.stringify(import.meta.resolve("../../host/system/start-ticks.ts"))};
    const name = process.pid + ":" + startTicks(process.pid);
    try { for (;;) openSync("/dev/null"); } catch {}
    let said;
    try { said = isAlive(name); } catch (error) { said = error.code; }
    process._rawDebug(String(said));`;
  const node = [process.execPath, "--input-type=module", "--eval", program];
  const said = execFileSync("/bin/sh", ["-c", 'ulimit -n 64; exec "$@" 2>&1', "sh", ...node], { encoding: "utf8" });
  expect(said.trim()).toBe("EMFILE");
});

// To start a process as somebody else one must be root.
describe.skipIf(!isRoot)("killAll", () => {
  test("returns when every process of the user is gone, and touches no other", async () => {
    const [mine, one, other] = [start(), start({ uid }), start({ uid })];
    await Promise.all([mine, one, other].map((child) => once(child, "spawn")));
    const names = [nameOf(one), nameOf(other)];
    expect(names.map(isAlive)).toEqual([true, true]);
    await killAll(noUnit, uid, 2000);
    expect(names.map(isAlive)).toEqual([false, false]);
    expect(isAlive(nameOf(mine))).toBe(true);
  });

  test("a signal that did not end them yet is no proof: it returns only when they are gone", async () => {
    const child = start({ uid });
    await once(child, "spawn");
    const name = nameOf(child);
    const kill = vi.spyOn(process, "kill").mockImplementationOnce(() => true);
    await killAll(noUnit, uid, 2000);
    expect(isAlive(name)).toBe(false);
    expect(kill.mock.calls.length).toBeGreaterThan(1);
  });

  test("names those that do not die", async () => {
    const child = start({ uid });
    await once(child, "spawn");
    vi.spyOn(process, "kill").mockImplementation(() => true);
    await expect(killAll(noUnit, uid, 50)).rejects.toThrow(nameOf(child));
  });

  test("with nothing to kill is done at once", async () => {
    await killAll(noUnit, uid, 100);
  });
});
