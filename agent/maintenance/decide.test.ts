import { describe, expect, test } from "vitest";
import type { AgentRole } from "../../contract/agent-status.ts";
import {
  decideLocked,
  decideWaiting,
  defaultBounds,
  type LockedObservation,
  type Observation,
  startLocked,
  startWaiting,
  type WaitingDecision,
  type WaitingState,
} from "./decide.ts";
import type { MaintenanceView } from "./store.ts";

const at = "2026-01-01T00:00:00Z";
const free: MaintenanceView = { lock: null, failure: null };
const released = (host: string): MaintenanceView => ({
  lock: { session: null, note: { host, state: "done", at } },
  failure: null,
});
const taken = (host: string): MaintenanceView => ({
  lock: { session: "s1", note: { host, state: "working", at } },
  failure: null,
});
const abandoned = (host: string): MaintenanceView => ({
  lock: { session: null, note: { host, state: "working", at } },
  failure: null,
});
const failed = (host: string, modifyIndex: number, view = released(host)): MaintenanceView => ({
  ...view,
  failure: { host, error: "consul did not start", at, modifyIndex },
});

const look = (view: MaintenanceView | null, role: AgentRole | null = "standby", ownConsulUp = true): Observation => ({
  view,
  role,
  ownConsulUp,
});

/** Looks at each observation at its time; returns the last decision. */
function walk(...looks: [nowMs: number, seen: Observation][]): WaitingDecision {
  let state: WaitingState = startWaiting("host-a", 0);
  let decision: WaitingDecision | undefined;
  for (const [nowMs, seen] of looks) ({ state, decision } = decideWaiting(state, seen, nowMs, defaultBounds));
  if (decision === undefined) throw new Error("no look");
  return decision;
}

describe("a standby", () => {
  test("takes a free lock at once", () => {
    expect(walk([0, look(free)])).toEqual({ do: "acquire" });
    expect(walk([0, look(released("host-b"))])).toEqual({ do: "acquire" });
  });
  test("waits while another host has it, and then takes it", () => {
    expect(walk([0, look(taken("host-b"))])).toEqual({
      do: "look-again",
      because: "host-b is being changed; one host at a time",
    });
    expect(walk([0, look(taken("host-b"))], [500, look(released("host-b"))])).toEqual({ do: "acquire" });
  });
  test("waits no longer than its bound", () => {
    expect(walk([0, look(taken("host-b"))], [defaultBounds.waitMs, look(taken("host-b"))])).toMatchObject({
      do: "give-up",
      error: { code: "HF_TIMEOUT", message: expect.stringContaining("host-b has had the maintenance lock") },
    });
  });
  test("ends the session of its own killed apply instead of waiting for its TTL", () => {
    expect(walk([0, look(taken("host-a"))])).toMatchObject({ do: "end-own-session", session: "s1" });
  });
});

describe("the active host", () => {
  test.each<AgentRole>(["active", "taking", "handing"])("as %s: lets the others go first", (role) => {
    expect(walk([0, look(free, role)])).toMatchObject({ do: "look-again" });
    expect(walk([0, look(free, role)], [2999, look(free, role)])).toMatchObject({ do: "look-again" });
    expect(walk([0, look(free, role)], [3000, look(free, role)])).toEqual({ do: "acquire" });
  });
  test("counts anew when another host had it in between", () => {
    expect(
      walk(
        [0, look(free, "active")],
        [2000, look(taken("host-b"), "active")],
        [4000, look(released("host-b"), "active")],
        [6900, look(released("host-b"), "active")],
      ),
    ).toMatchObject({ do: "look-again" });
  });
  test("counts anew when Consul did not answer in between", () => {
    expect(walk([0, look(free, "active")], [1000, look(null, "active")], [3500, look(free, "active")])).toMatchObject({
      do: "look-again",
    });
  });
});

describe("a failed apply stops there", () => {
  test("who was waiting before gives up", () => {
    expect(walk([0, look(taken("host-b"))], [500, look(failed("host-b", 20))])).toEqual({
      do: "give-up",
      error: {
        code: "HF_REFUSED",
        message: "While this host was waiting, host-b failed: consul did not start; nothing was changed here.",
        next: "Mend host-b, then run pulumi up again.",
      },
    });
  });
  test("who comes later goes on", () => {
    expect(walk([0, look(failed("host-b", 20))])).toEqual({ do: "acquire" });
  });
  test("an older failure that is already there does not hide a new one", () => {
    const before = failed("host-c", 10, taken("host-b"));
    expect(walk([0, look(before)], [500, look(failed("host-b", 20))])).toMatchObject({ do: "give-up" });
  });
  test("a success that clears an older failure stops nobody", () => {
    const before = failed("host-b", 10, taken("host-b"));
    expect(walk([0, look(before)], [500, look(released("host-b"))])).toEqual({ do: "acquire" });
  });
  test("a failure in a time without answers is seen afterwards", () => {
    expect(walk([0, look(taken("host-b"))], [500, look(null)], [9000, look(failed("host-b", 20))])).toMatchObject({
      do: "give-up",
    });
  });
  test("an apply that died without a word counts as failed for those who saw it at work", () => {
    expect(walk([0, look(taken("host-b"))], [500, look(abandoned("host-b"))])).toMatchObject({
      do: "give-up",
      error: { message: expect.stringContaining("ended without a word") },
    });
    expect(walk([0, look(abandoned("host-b"))])).toEqual({ do: "acquire" });
  });
});

describe("Consul without a quorum", () => {
  const silent = look(null);
  const down = look(null, "standby", false);
  test("is waited for", () => {
    expect(walk([0, silent], [29_999, silent])).toMatchObject({ do: "look-again" });
    expect(walk([0, silent], [29_999, silent], [30_500, look(free)])).toEqual({ do: "acquire" });
  });
  test("for ever: an error, when Consul runs here", () => {
    expect(walk([0, silent], [30_000, silent])).toMatchObject({ do: "give-up", error: { code: "HF_CONSUL" } });
  });
  test("for ever: no lock is needed to mend this host's own Consul", () => {
    expect(walk([0, down], [30_000, down])).toMatchObject({ do: "go-on-without-lock" });
  });
  test("the silence counts from the last answer", () => {
    expect(walk([0, silent], [20_000, look(taken("host-b"))], [49_000, silent])).toMatchObject({ do: "look-again" });
    expect(walk([0, silent], [20_000, look(taken("host-b"))], [50_000, silent])).toMatchObject({ do: "give-up" });
  });
});

describe("with the lock", () => {
  const quiet: LockedObservation = { role: "standby", switchover: null, refused: null, reserve: null };
  const decide = (
    nowMs: number,
    seen: Partial<LockedObservation>,
    expectAgent = true,
    switchover: string | null = null,
  ) =>
    decideLocked({ ...startLocked("host-a", 0), switchover }, { ...quiet, ...seen }, nowMs, defaultBounds, expectAgent);

  test.each<AgentRole>(["standby", "arbiter", "starting"])("a %s is changed at once", (role) => {
    expect(decide(0, { role }).decision).toEqual({ do: "apply" });
  });
  test("the active host asks for a switchover first, once, and waits until it is a standby", () => {
    const first = decide(0, { role: "active" });
    expect(first.decision).toEqual({ do: "switchover" });
    const asked = { ...first.state, switchover: "id" };
    const running: LockedObservation = { ...quiet, role: "handing", switchover: "running" };
    expect(decideLocked(asked, running, 500, defaultBounds, true).decision).toMatchObject({ do: "look-again" });
    const over = decideLocked(asked, { ...quiet, switchover: "over" }, 900, defaultBounds, true);
    expect(over).toMatchObject({ decision: { do: "apply" }, state: { switchover: null } });
  });
  test("a refused switchover is asked for again, not at every look", () => {
    const { state } = decide(0, { role: "active" });
    const refused: LockedObservation = { ...quiet, role: "active", refused: "no standby is ready" };
    expect(decideLocked(state, refused, 500, defaultBounds, true).decision).toMatchObject({ do: "look-again" });
    expect(decideLocked(state, refused, 5000, defaultBounds, true).decision).toEqual({ do: "switchover" });
  });
  test("an active host that cannot hand over is not changed", () => {
    expect(decide(defaultBounds.readyMs, { role: "active", refused: "no standby is ready" }).decision).toMatchObject({
      do: "give-up",
      error: {
        code: "HF_REFUSED",
        message:
          "host-a cannot be changed now: this host is active, and it could not hand over: no standby is ready (waited 120 s). Nothing was changed here.",
      },
    });
  });
  test.each<AgentRole>(["handing", "demoting"])("while %s: waits", (role) => {
    expect(decide(0, { role }).decision).toMatchObject({ do: "look-again" });
  });
  test("a silent agent may still have a lease; after its silence it has none", () => {
    expect(decide(14_999, { role: null }).decision).toMatchObject({ do: "look-again" });
    expect(decide(15_000, { role: null }).decision).toEqual({ do: "apply" });
    expect(decide(0, { role: null }, false).decision).toEqual({ do: "apply" });
  });
  test("Consul must be able to spare this server, unless it is broken anyhow", () => {
    expect(decide(0, { reserve: { spare: 0, ownCounts: true, faults: [] } }).decision).toMatchObject({
      do: "look-again",
    });
    expect(decide(0, { reserve: { spare: 1, ownCounts: true, faults: [] } }).decision).toEqual({ do: "apply" });
    expect(decide(0, { reserve: { spare: 0, ownCounts: false, faults: [] } }).decision).toEqual({ do: "apply" });
    expect(decide(120_000, { reserve: { spare: 0, ownCounts: true, faults: [] } }).decision).toMatchObject({
      do: "give-up",
    });
  });
});
