/** A host's clocks while its machine is paused: neither a stop nor a step of the other kind makes them jump. */
import { expect, test } from "vitest";
import { HostClock } from "./host-clock.ts";
import type { Timeline } from "./timeline.ts";

function clockAt() {
  const time = { nowMs: 100_000 };
  const clock = new HostClock(time as unknown as Timeline, { rate: 1, upMs: 50_000, wallOffsetMs: 0 });
  return { time, clock };
}

test("a machine that is paused lives through no time, whatever is done to its wall clock meanwhile", () => {
  for (const order of [
    ["pause", "stopWall", "goOn", "resume"],
    ["stopWall", "pause", "goOn", "resume"],
    ["pause", "stopWall", "resume", "goOn"],
    ["stopWall", "pause", "resume", "goOn"],
  ] as const) {
    const { time, clock } = clockAt();
    for (const act of order) {
      const [wallMs, bootMs] = [clock.wallMs(), clock.bootMs()];
      clock[act]();
      expect([clock.wallMs(), clock.bootMs()], `${order.join(", ")}: ${act}`).toEqual([wallMs, bootMs]);
      time.nowMs += 7000;
    }
  }
});
