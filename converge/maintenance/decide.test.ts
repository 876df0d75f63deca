import { describe, expect, test } from "vitest";
import type { AgentRole } from "../../contract/wire/agent-status.ts";
import {
  type AgentLook,
  askedFor,
  decideLocked,
  decideRestart,
  decideWaiting,
  defaultBounds,
  type LockedObservation,
  type LockedState,
  type Observation,
  startLocked,
  startRestart,
  startWaiting,
  type WaitingDecision,
  type WaitingState,
} from "./decide.ts";
import type { MaintenanceView, ServerReserve } from "./store.ts";

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

const is = (role: AgentRole, active: string | null = null): AgentLook => ({ role, active });
const unknown: AgentLook = { unknown: "it answered 200 {}" };
const absent: AgentLook = { absent: "holdfastd.service does not run" };

const look = (
  view: MaintenanceView | null,
  agent: AgentRole | AgentLook = "standby",
  ownConsulUp = true,
  leads: boolean | null = null,
): Observation => ({ view, agent: typeof agent === "string" ? is(agent) : agent, ownConsulUp, leads });

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
  test("so does one of which nothing can be told", () => {
    expect(walk([0, look(free, unknown)], [2999, look(free, unknown)])).toMatchObject({ do: "look-again" });
    expect(walk([0, look(free, unknown)], [3000, look(free, unknown)])).toEqual({ do: "acquire" });
    expect(walk([0, look(free, absent)])).toEqual({ do: "acquire" });
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

describe("where Consul is restarted", () => {
  const leader = (agent: AgentRole, leads: boolean) => look(free, agent, true, leads);
  test.each<[string, AgentRole, boolean, number]>([
    ["another host comes first", "standby", false, 0],
    ["its leader next", "standby", true, defaultBounds.freeMs],
    ["the active host last", "active", false, 2 * defaultBounds.freeMs],
    ["the active host whose server leads, too", "active", true, 2 * defaultBounds.freeMs],
  ])("%s", (_, role, leads, afterMs) => {
    const seen = leader(role, leads);
    if (afterMs > 0) expect(walk([0, seen], [afterMs - 1, seen])).toMatchObject({ do: "look-again" });
    expect(walk([0, seen], [afterMs, seen])).toEqual({ do: "acquire" });
  });
  test("why it waits is said", () => {
    expect(walk([0, leader("standby", true)])).toEqual({
      do: "look-again",
      because: "this host's server leads Consul and lets the others go first",
    });
  });
});

describe("right before Consul is restarted", () => {
  const heir = { name: "host-c", id: "5e" };
  const good: ServerReserve = { spare: 1, ownCounts: true, faults: [], heir: null };
  const { readyMs, handOverMs } = defaultBounds;
  const walkRestart = (...looks: [nowMs: number, seen: ServerReserve][]) => {
    let state = startRestart(0);
    return looks.map(([nowMs, seen]) => {
      const next = decideRestart(state, seen, nowMs, defaultBounds);
      state = next.state;
      return next.decision;
    });
  };
  const leads = { ...good, heir };
  const restart = { do: "restart", though: null };

  test("one that does not lead is restarted at once", () => expect(walkRestart([0, good])).toEqual([restart]));
  test("one that leads hands over, and is restarted when another one leads", () =>
    expect(walkRestart([0, leads], [500, leads], [1000, good])).toEqual([
      { do: "hand-over", to: heir },
      { do: "look-again", because: "its server hands leadership over" },
      restart,
    ]));
  test("a leader that does not go is told again, and is restarted all the same in the end", () =>
    expect(walkRestart([0, leads], [4999, leads], [5000, leads], [handOverMs - 1, leads], [handOverMs, leads])).toEqual(
      [
        { do: "hand-over", to: heir },
        { do: "look-again", because: "its server hands leadership over" },
        { do: "hand-over", to: heir },
        { do: "hand-over", to: heir },
        { do: "restart", though: "it still leads, and was to hand over" },
      ],
    ));
  test("nothing is handed over, and nothing restarted, while Consul cannot spare this server", () => {
    const short: ServerReserve = { ...leads, spare: 0, faults: ["host-c gives no answer itself"] };
    const because = "Consul would lose its quorum without this host's server (host-c gives no answer itself)";
    expect(walkRestart([0, short], [readyMs - 1, short], [readyMs, short])).toEqual([
      { do: "look-again", because },
      { do: "look-again", because },
      { do: "give-up", because },
    ]);
    // A server that is lost while leadership moves is waited for.
    expect(walkRestart([0, leads], [500, { ...short, heir: null }], [9000, good]).map((one) => one.do)).toEqual([
      "hand-over",
      "look-again",
      "restart",
    ]);
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
  test("so does one that left what nobody can read", () => {
    const unreadable: MaintenanceView = { lock: { session: null, note: null }, failure: null };
    expect(walk([0, look(taken("host-b"))], [500, look(unreadable)])).toMatchObject({ do: "give-up" });
    expect(walk([0, look(unreadable)])).toEqual({ do: "acquire" });
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
  const quiet: LockedObservation = { agent: is("standby"), switchover: null, refused: null, reserve: null };
  const decide = (nowMs: number, seen: Partial<LockedObservation>, expectAgent = true) =>
    decideLocked(startLocked("host-a", 0), { ...quiet, ...seen }, nowMs, defaultBounds, expectAgent);
  const next = (state: LockedState, nowMs: number, seen: Partial<LockedObservation>) =>
    decideLocked(state, { ...quiet, ...seen }, nowMs, defaultBounds, true);

  test.each<AgentRole>(["standby", "arbiter", "starting"])("a %s is changed at once", (role) => {
    expect(decide(0, { agent: is(role) }).decision).toEqual({ do: "apply" });
  });
  test("the active host asks for a switchover first, once, and waits until another one is active", () => {
    const first = decide(0, { agent: is("active", "host-a") });
    expect(first.decision).toEqual({ do: "switchover" });
    const asked = askedFor(first.state, "id");
    const handing = next(asked, 500, { agent: is("handing"), switchover: "running" });
    expect(handing.decision).toMatchObject({ do: "look-again" });
    // It has let go, and the successor has not got as far as its neard yet.
    const between = next(handing.state, 900, { switchover: "running" });
    expect(between.decision).toMatchObject({
      do: "look-again",
      because: "this host has given the key away, and no other host is active yet",
    });
    expect(next(between.state, 1400, { switchover: "done" })).toMatchObject({
      decision: { do: "apply" },
      state: { switchover: null },
    });
    // Whoever it is in the end.
    const failed = { agent: is("standby", "host-c"), switchover: "failed" as const, refused: "host-c took over" };
    expect(next(between.state, 1400, failed).decision).toEqual({ do: "apply" });
  });
  test("a successor that gives the key back: this host is the one that can, and is left alone", () => {
    const asked = askedFor(decide(0, { agent: is("active") }).state, "id");
    const back = { switchover: "failed", refused: "host-b took the lock and let it go again" } as const;
    const gone = next(asked, 900, back);
    expect(gone.decision).toMatchObject({ do: "look-again", because: expect.stringContaining("let it go again") });
    expect(next(gone.state, 8000, { agent: is("active", "host-a"), refused: back.refused }).decision).toEqual({
      do: "switchover",
    });
    expect(next(gone.state, defaultBounds.readyMs, { refused: back.refused }).decision).toMatchObject({
      do: "give-up",
      error: { code: "HF_REFUSED" },
    });
  });
  test("a refused switchover is asked for again, not at every look", () => {
    const { state } = decide(0, { agent: is("active") });
    const refused = { agent: is("active"), refused: "no standby is ready" };
    expect(next(state, 500, refused).decision).toMatchObject({ do: "look-again" });
    expect(next(state, 5000, refused).decision).toEqual({ do: "switchover" });
  });
  test("an active host that cannot hand over is not changed", () => {
    const seen = { agent: is("active"), refused: "no standby is ready" };
    expect(decide(defaultBounds.readyMs, seen).decision).toMatchObject({
      do: "give-up",
      error: {
        code: "HF_REFUSED",
        message:
          "host-a cannot be changed now: this host is active, and it could not hand over: no standby is ready (waited 120 s). Nothing was changed here.",
      },
    });
  });
  test.each<AgentRole>(["handing", "demoting"])("while %s: waits", (role) => {
    expect(decide(0, { agent: is(role) }).decision).toMatchObject({ do: "look-again" });
  });
  test("an agent that surely does not run may still have left a lease; after its silence it has not", () => {
    expect(decide(14_999, { agent: absent }).decision).toMatchObject({ do: "look-again" });
    expect(decide(15_000, { agent: absent }).decision).toEqual({ do: "apply" });
    expect(decide(0, { agent: absent }, false).decision).toEqual({ do: "apply" });
  });
  test("an agent of which nothing can be told may be active: the apply stops, however long it waits", () => {
    for (const nowMs of [0, 15_000, defaultBounds.readyMs - 1])
      expect(decide(nowMs, { agent: unknown }).decision).toMatchObject({ do: "look-again" });
    expect(decide(defaultBounds.readyMs, { agent: unknown }).decision).toMatchObject({
      do: "give-up",
      error: { code: "HF_AGENT_UNREACHABLE", message: expect.stringContaining("it answered 200 {}") },
    });
    // It was there a moment ago, so its silence counts from then.
    const { state } = decide(10_000, { agent: unknown });
    expect(next(state, 24_999, { agent: absent }).decision).toMatchObject({ do: "look-again" });
    expect(next(state, 25_000, { agent: absent }).decision).toEqual({ do: "apply" });
  });
  test("Consul must be able to spare this server, unless it is broken anyhow", () => {
    expect(decide(0, { reserve: { spare: 0, ownCounts: true, faults: [], heir: null } }).decision).toMatchObject({
      do: "look-again",
    });
    expect(decide(0, { reserve: { spare: 1, ownCounts: true, faults: [], heir: null } }).decision).toEqual({
      do: "apply",
    });
    expect(decide(0, { reserve: { spare: 0, ownCounts: false, faults: [], heir: null } }).decision).toEqual({
      do: "apply",
    });
    expect(decide(120_000, { reserve: { spare: 0, ownCounts: true, faults: [], heir: null } }).decision).toMatchObject({
      do: "give-up",
    });
  });
});
