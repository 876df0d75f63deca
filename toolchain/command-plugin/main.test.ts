import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";

let plugin: ChildProcess;
afterEach(() => plugin.kill("SIGKILL"));

/** As the engine starts it: its own address as argument, a pipe as stdin that it never writes to. */
function start(): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, "main.ts"), "127.0.0.1:9"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}

test("ends with the engine that started it, however that ended", async () => {
  plugin = start();
  const [port] = (await once(plugin.stdout as NonNullable<typeof plugin.stdout>, "data")) as [Buffer];
  expect(Number(port.toString())).toBeGreaterThan(0);
  expect(plugin.exitCode).toBeNull();
  plugin.stdin?.destroy();
  expect(await once(plugin, "exit")).toEqual([0, null]);
});

test("ends too when the engine was gone before it could serve", async () => {
  plugin = start();
  plugin.stdin?.destroy();
  expect(await once(plugin, "exit")).toEqual([0, null]);
});
