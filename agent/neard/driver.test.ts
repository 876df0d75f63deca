import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { startTicks } from "../../host/system/start-ticks.ts";
import { NeardDriver } from "./driver.ts";
import type { ProcessName } from "./processes.ts";

/** What stands in neard's control group: these processes are of no unit. */
let unitName: ProcessName | null = null;
vi.mock(import("./processes.ts"), async (original) => ({ ...(await original()), unitProcess: () => unitName }));

/**
 * As neard is about signals and re-execution: deaf for 0.4 s, when a SIGHUP ends it, then it answers. Its age is what it
 * was told; with SIGUSR2 it becomes a program of age 0 under the same pid. `validator_public_key` counts the SIGHUPs.
 * Its metrics are what it is told to do with them.
 */
const program = `
  import { createServer } from "node:http";
  const [age, port, metrics] = process.argv.slice(-3);
  process.on("SIGUSR2", () => process.execve(process.execPath, [...process.argv0s, "0", port, metrics], process.env));
  process.argv0s = [process.execPath, ...process.execArgv, "--"];
  console.log("deaf");
  setTimeout(() => {
    let count = 0;
    process.on("SIGHUP", () => { count += 1; });
    const began = Date.now() - Number(age) * 1000;
    createServer((request, response) => {
      if (request.url === "/metrics") {
        if (metrics === "hang") return;
        if (metrics === "break") return request.socket.destroy();
        if (metrics === "flood") return response.end("#".repeat(5_000_000));
        return response.end("near_config_correct 1\\n");
      }
      response.end(JSON.stringify({
        version: { version: "test" }, chain_id: "localnet", protocol_version: 84, latest_protocol_version: 84,
        sync_info: { latest_block_height: 1, latest_block_time: new Date().toISOString(), syncing: false },
        validator_account_id: null, validator_public_key: "SIGHUPs: " + count,
        uptime_sec: Math.floor((Date.now() - began) / 1000),
      }));
    }).listen(Number(port), "127.0.0.1");
  }, 400);
`;

let neard: ChildProcess | null = null;
let url = "";
afterEach(() => {
  neard?.kill("SIGKILL");
  unitName = null;
});

async function start(ageS: number, metrics = "answer") {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  server.close();
  const args = ["--input-type=module", "--eval", program, "--", String(ageS), String(port), metrics];
  neard = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const said = once(neard.stdout as NonNullable<typeof neard.stdout>, "data");
  await said;
  unitName = `${neard.pid}:${startTicks(neard.pid as number)}`;
  const clock = {
    bootMs: () => performance.now(),
    wallMs: () => Date.now(),
    sleep: async (ms: number) => void (await sleep(ms)),
  };
  url = `http://127.0.0.1:${port}`;
  return new NeardDriver({ unit: "no.service", uid: 59_421, rpcUrl: url, clock });
}

async function answered(driver: NeardDriver) {
  for (let tries = 0; tries < 200; tries++) {
    const probe = await driver.probe();
    if (probe.answered) return probe;
    await sleep(20);
  }
  throw new Error("it does not answer");
}

async function reexecute() {
  const said = once((neard as ChildProcess).stdout as NonNullable<ChildProcess["stdout"]>, "data");
  neard?.kill("SIGUSR2");
  await said;
}

test("a neard that has not answered yet gets no SIGHUP, one that has gets it", async () => {
  const driver = await start(0);
  await expect(driver.reload()).rejects.toThrow("neard was sent no SIGHUP");
  await answered(driver);
  await driver.reload();
  await vi.waitFor(async () => expect((await driver.probe()).validatorKey).toBe("SIGHUPs: 1"));
  expect(neard?.exitCode ?? neard?.signalCode).toBeNull();
  expect(driver.restarts).toBe(0);
});

test("that it had answered before it re-executed itself proves nothing: no SIGHUP ends it", async () => {
  const driver = await start(100);
  await answered(driver);
  await reexecute();
  await expect(driver.reload()).rejects.toThrow("neard was sent no SIGHUP");
  await sleep(50);
  expect(neard?.exitCode ?? neard?.signalCode).toBeNull();
});

test("re-executed, it is another process: what the old one said is no word of it", async () => {
  const driver = await start(100);
  const before = await answered(driver);
  expect(before.process).toBe(unitName);
  await reexecute();
  const after = await answered(driver);
  expect(after.process).toBe(`${unitName}:1`);
  expect(driver.process()).toBe(after.process);
  expect(driver.restarts).toBe(1);
  await driver.reload();
  await vi.waitFor(async () => expect((await driver.probe()).validatorKey).toBe("SIGHUPs: 1"));
});

test("the first answer of the re-executed one counts for nobody, and no SIGHUP follows it", async () => {
  const driver = await start(100);
  await answered(driver);
  await reexecute();
  // Asked past the driver, which must not have an answer yet.
  await vi.waitFor(async () => await fetch(url), { timeout: 10_000 });
  await expect(driver.reload()).rejects.toThrow("re-executed");
  expect((await driver.probe()).validatorKey).toBe("SIGHUPs: 0");
});

test("a restarted unit's configuration is asked for anew", async () => {
  const driver = await start(100);
  expect((await answered(driver)).configCorrect).toBe(true);
  neard?.kill("SIGKILL");
  await once(neard as ChildProcess, "exit");
  unitName = null;
  expect((await driver.probe()).process).toBeNull();
  await start(0).then(() => {});
  const probe = await driver.probe();
  expect(probe).toMatchObject({ process: unitName, answered: false, configCorrect: null });
});

test.each(["hang", "break", "flood"])("a neard whose metrics %s answers all the same, and soon", async (metrics) => {
  const driver = await start(100, metrics);
  await answered(driver);
  const startMs = performance.now();
  expect(await driver.probe()).toMatchObject({ answered: true, configCorrect: null });
  expect(performance.now() - startMs).toBeLessThan(600);
});
