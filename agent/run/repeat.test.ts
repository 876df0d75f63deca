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
