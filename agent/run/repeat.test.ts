import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { repeat } from "./repeat.ts";

const clock = { bootMs: () => 0, wallMs: () => 0, sleep: async () => {} };

test("works again and again until it is stopped", async () => {
  const stop = new AbortController();
  let times = 0;
  await repeat({
    everyMs: 10,
    clock,
    signal: stop.signal,
    work: async () => {
      times += 1;
      if (times === 3) stop.abort();
    },
  });
  expect(times).toBe(3);
});

test("does not wait for work that is under way when it is stopped: an agent that ends must not outlive its ticks", async () => {
  const stop = new AbortController();
  const running = repeat({ everyMs: 10, clock, signal: stop.signal, work: () => new Promise<void>(() => {}) });
  stop.abort();
  await running;
});

test("keeps nothing of the rounds that are over: an agent runs for months with 32 MB", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heap = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const stop = new AbortController();
  let rounds = 0;
  let early = 0;
  let late = 0;
  let listeners = 0;
  await repeat({
    everyMs: 10,
    clock,
    signal: stop.signal,
    work: async () => {
      rounds += 1;
      if (rounds === 1000) early = heap();
      if (rounds < 21_000) return;
      late = heap();
      listeners = getEventListeners(stop.signal, "abort").length;
      stop.abort();
    },
  });
  expect(listeners).toBeLessThanOrEqual(1);
  expect((late - early) / 20_000).toBeLessThan(50);
});
