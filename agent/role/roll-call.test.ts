import { expect, test } from "vitest";
import { answersOf, isKeylessAfter } from "./roll-call.ts";
import { activeCore, Core, heldByA, settings } from "./testing.ts";
import type { State } from "./types.ts";

const asked = {
  ready: false,
  because: "ready",
  ack: null,
  isActive: false,
  asks: "question 1",
  cleared: null,
  acksInS: 0,
  fencing: null,
  modifyIndex: 70,
};

/** A standby whose neard has no key, and which host-a asks. */
function standby(): Core {
  const core = new Core().tell({ is: "key-checked", available: true });
  return core.probe().see(heldByA(50), { notes: { "host-a": asked } });
}
const answers = (core: Core, state: State = core.state) => answersOf(settings, state, core.nowMs);

test("a standby answers who asks, and not its own question", () => {
  expect(answers(standby())).toEqual(["question 1"]);
  const own = standby().see(heldByA(50), { notes: { "host-b": asked } });
  expect(answers(own)).toEqual([]);
});

test("nobody is answered whose note is old: it may not be asking any more", () => {
  expect(answers(standby().after(30_000))).toEqual([]);
});

test("not while a take-over of its own is on its way: it may be won already", () => {
  const core = standby();
  const story = {
    from: null,
    kind: "failover",
    because: "",
    startedMs: 0,
    lastSeenMs: 0,
    deaths: 0,
    silent: null,
    fenced: null,
  } as const;
  const attempt = { step: "lock", session: "session-b", sinceMs: core.nowMs, story } as const;
  expect(answers(core, { ...core.state, phase: { name: "standby", attempt } })).toEqual([]);
});

test("keyless is who was seen so in this phase, or who has just been through the way out of power", () => {
  const { state } = standby();
  const fresh: State = { ...state, isKeyless: false };
  expect(isKeylessAfter(fresh, { ...fresh, probe: null })).toBe(false);
  expect(isKeylessAfter(fresh, { ...fresh, sinceMs: (state.probe?.atMs ?? 0) + 1 })).toBe(false);
  expect(isKeylessAfter(fresh, fresh)).toBe(true);
  const active = activeCore().state;
  expect(isKeylessAfter(active, { ...active, isKeyless: true })).toBe(false);
});
