import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bootId, systemClock } from "./clock.ts";

const uptimeMs = () => Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]) * 1000;

test("deadlines are on the time since this machine booted, never on the wall clock", () => {
  const before = uptimeMs();
  const nowMs = systemClock.bootMs();
  const after = uptimeMs();
  expect(nowMs).toBeGreaterThanOrEqual(Math.floor(before));
  expect(nowMs).toBeLessThanOrEqual(Math.ceil(after));
});

test("the wall clock is the system's", () => {
  expect(Math.abs(systemClock.wallMs() - Date.now())).toBeLessThan(1000);
});

test("a boot has one name", () => {
  expect(bootId()).toMatch(/^[0-9a-f-]{36}$/);
  expect(bootId()).toBe(bootId());
});
