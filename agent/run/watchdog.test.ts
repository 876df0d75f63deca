import { expect, test } from "vitest";
import { feedWatchdog } from "./watchdog.ts";

/** Feeds every 2 s for 20 s of a clock of its own; says at which seconds it was fed. */
async function fedAt(tickedMs: (nowMs: number) => number | null, everyMs: number | null = 2000): Promise<number[]> {
  let nowMs = 0;
  const stop = new AbortController();
  const fed: number[] = [];
  const clock = {
    bootMs: () => nowMs,
    wallMs: () => 0,
    sleep: async (ms: number) => {
      nowMs += ms;
      if (nowMs >= 20_000) stop.abort();
    },
  };
  const feed = () => void fed.push(nowMs / 1000);
  await feedWatchdog({ signal: stop.signal, clock, everyMs, tickedMs: () => tickedMs(nowMs), feed });
  return fed;
}

test("is fed while the core looks at its deadlines", async () => {
  expect(await fedAt((nowMs) => nowMs - 200)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
});

test("is not fed for a core that stands still, although its process goes on", async () => {
  expect(await fedAt((nowMs) => Math.min(nowMs, 5000))).toEqual([0, 2, 4, 6]);
});

test("is fed on an arbiter, which has no core", async () => {
  expect((await fedAt(() => null)).length).toBe(10);
});

test("is not fed where systemd has none", async () => {
  expect(await fedAt(() => null, null)).toEqual([]);
});
