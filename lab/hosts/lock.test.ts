import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { withLock } from "./lock.ts";
import { isAlive, startDetached, stopProcess } from "./process.ts";

const name = `unit test ${process.pid}`;

test("one at a time: the second begins when the first has ended", async () => {
  const order: string[] = [];
  const work = (who: string) =>
    withLock(name, 5000, async () => {
      order.push(`${who} in`);
      await sleep(60);
      order.push(`${who} out`);
    });
  await Promise.all([work("a"), work("b")]);
  expect(order[1]?.[0]).toBe(order[0]?.[0]);
  expect(order[3]?.[0]).toBe(order[2]?.[0]);
});

test("a wait that is too long ends with an error that names the lock", async () => {
  await withLock(name, 0, async () => {
    await expect(withLock(name, 60, async () => {})).rejects.toMatchObject({
      code: "HF_LAB",
      message: expect.stringContaining(name),
    });
  });
});

test("the lock of a process that was killed is free", async () => {
  const taken = `${name} killed`;
  const holder = spawn(process.execPath, [
    "-e",
    `require("net").createServer().listen("\\0holdfast-lab/${taken}", () => console.log("held"))`,
  ]);
  await new Promise((resolve) => holder.stdout.once("data", resolve));
  const ended = new Promise((resolve) => holder.once("exit", resolve));
  await expect(withLock(taken, 0, async () => {})).rejects.toMatchObject({ code: "HF_LAB" });
  holder.kill("SIGKILL");
  await ended;
  expect(await withLock(taken, 1000, async () => "mine")).toBe("mine");
});

test("a process is known by its start, not by its id alone", async () => {
  const mark = await startDetached(["-e", "setInterval(() => {}, 1000)"], "/dev/null");
  expect(isAlive(mark)).toBe(true);
  expect(isAlive({ ...mark, startTicks: mark.startTicks + 1 })).toBe(false);
  await stopProcess({ ...mark, startTicks: mark.startTicks + 1 });
  expect(isAlive(mark)).toBe(true);
  await stopProcess(mark);
  expect(isAlive(mark)).toBe(false);
});
