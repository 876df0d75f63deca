import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { plain } from "./steps.ts";

test("plain lines carry the time, the step and what it says, in the order in which it happened", async () => {
  const lines: string[] = [];
  let now = 5000;
  const slow = {
    title: "tools",
    work: async () => {
      await sleep(5);
      now += 61_000;
    },
  };
  const quick = { title: "hosts", work: async (say: (line: string) => void) => say("booting host-a") };
  await plain(
    [[slow, quick], { title: "stack", work: async () => {} }],
    (line) => lines.push(line),
    () => now,
  );
  expect(lines).toEqual([
    "[  0 s] hosts: booting host-a",
    "[  0 s] hosts: done",
    "[ 61 s] tools: done",
    "[ 61 s] stack: done",
  ]);
});

test("a step that fails ends the run: what comes after it does not begin", async () => {
  const lines: string[] = [];
  const fails = { title: "hosts", work: () => Promise.reject(new Error("no bridge")) };
  const after = { title: "stack", work: async () => {} };
  await expect(plain([fails, after], (line) => lines.push(line))).rejects.toThrow("no bridge");
  expect(lines).toEqual([]);
});
