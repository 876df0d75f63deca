/** What must not shorten the wait, and whom a marker does not make ready. */
import { describe, expect, test } from "vitest";
import { longestHeardMs, waitMs } from "../../contract/timing.ts";
import { lockValueSchema } from "../../contract/wire/lock-record.ts";
import type { LockView } from "../lease/lock-record.ts";
import { Core, heldByA, markerOfA, settings } from "./testing.ts";

const ready = () => new Core().tell({ is: "key-checked", available: true });
const took = (core: Core) => core.asked("create-session").length;

/** What is left when a session dies: nobody has the lock, and nobody said that it was released. */
const freed: LockView = {
  modifyIndex: 60,
  lockIndex: 4,
  session: null,
  value: { host: "host-a", seq: 9, heardMs: 6500 },
  seal: "right",
};

test("a lock that was freed without a marker is waited for in full: its holder may still sign", () => {
  const core = ready().live(1000, heldByA(50)).see(freed);
  expect(took(core.live(settings.lease.takeoverMs - 200, freed))).toBe(0);
  expect(took(core.live(400, freed))).toBe(1);
});

test("a successor that is not ready does not take over, whatever the marker says", () => {
  const released: LockView = { ...freed, value: { host: "host-a", seq: 9, released: markerOfA } };
  const core = ready().live(500, heldByA(50), { syncing: true });
  core.see(released).live(20_000, released, { syncing: true });
  expect(took(core)).toBe(0);
  expect(core.state.because).toContain("neard is syncing");
});

test("a marker of another session than the one that was watched is waited for in full", () => {
  const core = ready();
  for (let index = 50; index < 66; index++) core.live(500, heldByA(index));
  const marker = { ...markerOfA, by: "host-c", switchover: null, because: "host-c gave way" };
  const lock = (session: string): LockView => ({
    ...freed,
    modifyIndex: 80,
    value: { host: "host-c", seq: 9, released: { ...marker, session } },
  });
  core.see(lock("session-older"));
  expect(took(core.live(settings.lease.takeoverMs - 200, lock("session-older")))).toBe(0);
  expect(took(core.live(400, lock("session-older")))).toBe(1);
});

describe("a successor whose neard has not seen the last block of the old one", () => {
  const released: LockView = { ...freed, value: { host: "host-a", seq: 9, released: { ...markerOfA, height: 12 } } };
  const watched = () => ready().watched();

  test("waits for it, asks its neard all the time, and goes on as soon as it has come", () => {
    const core = watched().probe({ height: 11 }).see(released);
    expect(core.asked("probe-soon")).toHaveLength(1);
    expect(took(core.live(2000, released, { height: 11 }))).toBe(0);
    expect(core.state.because).toContain("neard has not seen block 12 yet");
    expect(took(core.probe({ height: 12 }))).toBe(1);
  });

  test("waits no longer than for a holder that was lost: a chain that stands still is no reason for ever", () => {
    const core = watched().probe({ height: 11 }).see(released);
    expect(took(core.live(settings.lease.takeoverMs - 200, released, { height: 11 }))).toBe(0);
    expect(took(core.live(400, released, { height: 11 }))).toBe(1);
  });

  test("has nothing to wait for where the marker names no height, as those of older agents", () => {
    const { height: _, ...older } = markerOfA;
    const value = lockValueSchema.parse({ host: "host-a", seq: 9, released: older });
    const lock: LockView = { ...freed, value };
    expect(took(watched().probe({ height: 11 }).see(lock))).toBe(1);
  });
});

const renewedFor = (index: number, heardMs?: number): LockView => ({
  ...heldByA(index),
  value: { host: "host-a", seq: index, ...(heardMs === undefined ? {} : { heardMs }) },
});

test("a holder with a longer lease than ours is waited for as long as its own record says", () => {
  const core = ready().live(500, renewedFor(50, 15_000));
  expect(took(core.live(14_900, renewedFor(50, 15_000)))).toBe(0);
  expect(took(core.live(400, renewedFor(50, 15_000)))).toBe(1);
});

test("what a holder said last stands, whatever a lost session makes of the record", () => {
  const core = ready()
    .live(500, renewedFor(50, 15_000))
    .see({ ...renewedFor(51, 15_000), session: null });
  const lost: LockView = { ...renewedFor(52, 15_000), session: null };
  expect(took(core.see(lost).live(15_200, lost))).toBe(0);
  expect(took(core.live(600, lost))).toBe(1);
});

test("a record that nobody can read may have been written over anybody's: the longest lease is waited for", () => {
  const foreign: LockView = { ...renewedFor(51), value: null, seal: "unchecked" };
  const longestMs = waitMs(settings.lease, longestHeardMs);
  const core = ready().live(500, renewedFor(50, 15_000)).see(foreign);
  expect(took(core.live(longestMs - 300, foreign))).toBe(0);
  expect(core.state.because).toContain(`takes over after ${Math.round(longestMs / 1000)} s`);
  expect(took(core.live(600, foreign))).toBe(1);
  // One that knows of no record before it has no less to fear.
  expect(took(ready().live(longestMs - 300, foreign))).toBe(0);
});

test("the next record that can be read does not shorten that: who held before is not in it", () => {
  const foreign: LockView = { ...renewedFor(51), value: null, seal: "unchecked" };
  const core = ready().live(500, renewedFor(50, 15_000)).see(foreign).see(renewedFor(52, 15_000));
  const lost: LockView = { ...renewedFor(53, 15_000), session: null };
  const longestMs = waitMs(settings.lease, longestHeardMs);
  expect(took(core.see(lost).live(longestMs - 300, lost))).toBe(0);
  expect(took(core.live(600, lost))).toBe(1);
});

test("the wait is counted on the standby's own clock, from the arrival of the change it saw last", () => {
  const core = ready().live(500, heldByA(50));
  core.after(400).see(heldByA(51), { sentMs: core.nowMs - 400 });
  expect(core.state.watch.changedMs).toBe(core.nowMs);
  expect(took(core.live(settings.lease.takeoverMs - 100, heldByA(51)))).toBe(0);
});
