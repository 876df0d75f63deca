import { describe, expect, test } from "vitest";
import { makeReport, type Report } from "../../lab/chain/report.ts";
import { type Evidence, judge } from "./verdict.ts";

const t0 = Date.UTC(2026, 0, 1);
const scope = { account: "a", slotMs: 600, fromHeight: 1, fromMs: t0, nowMs: t0 + 60_000 };
const quiet: Report = makeReport([], scope);
const gap = (fromS: number, toS: number) => ({
  fromHeight: 1,
  toHeight: 2,
  from: new Date(t0 + fromS * 1000).toISOString(),
  to: new Date(t0 + toS * 1000).toISOString(),
  seconds: toS - fromS,
  fromHost: "host-a",
  toHost: "host-b",
});
const before = { active: "host-a", epoch: 4, standby: "host-b" };
const moved = { active: "host-b", epoch: 5, standby: "host-a" };

const evidence = (more: Partial<Evidence> = {}): Evidence => ({
  expects: "either",
  boundMs: 10_000,
  leaseMs: 6500,
  slotMs: 600,
  brokenMs: t0 + 10_000,
  healedMs: t0 + 30_000,
  report: quiet,
  heardWithinMs: null,
  before,
  after: before,
  strangers: [],
  ...more,
});
const word = (more: Partial<Evidence>) => judge(evidence(more)).word;
const silent = (...gaps: Report["gaps"]) => ({ ...quiet, gaps });

describe("what must become of the key", () => {
  test("stays: the same host under the same epoch", () => {
    expect(word({ expects: "stays" })).toBe("pass");
    expect(word({ expects: "stays", after: moved })).toBe("wrong");
    expect(word({ expects: "stays", after: { ...before, epoch: 5 } })).toBe("wrong");
  });

  test("moves: another host, or another epoch of the same", () => {
    expect(word({ expects: "moves" })).toBe("wrong");
    expect(word({ expects: "moves", after: moved })).toBe("pass");
  });

  test("nobody came back is wrong, whatever was expected", () => {
    expect(judge(evidence({ after: null, notHealthy: "host-b: demoting" }))).toMatchObject({
      word: "wrong",
      because: "host-b: demoting",
    });
  });
});

describe("the bound", () => {
  test("is for the longest silence", () => {
    expect(judge(evidence({ report: silent(gap(10, 18), gap(30, 31)) }))).toMatchObject({
      word: "pass",
      recoveryMs: 8000,
    });
    expect(word({ report: silent(gap(10, 21)) })).toBe("late");
  });

  test("counts from healing where nothing is promised before", () => {
    const report = silent(gap(11, 35));
    expect(judge(evidence({ expects: "recovers", report }))).toMatchObject({ word: "pass", recoveryMs: 5000 });
    expect(word({ expects: "recovers", report: silent(gap(11, 41)) })).toBe("late");
  });
});

describe("heard", () => {
  const takeover = (firstAcceptedSeconds: number | null) => ({
    from: "host-a",
    to: "host-b",
    at: quiet.at,
    keySeconds: 7,
    firstAcceptedSeconds,
  });
  const ended = (...takeovers: Report["takeovers"]) => ({ report: { ...quiet, takeovers }, heardWithinMs: 20_000 });

  test("the chain takes the new holder's blocks in time, or the scenario is late", () => {
    expect(word(ended(takeover(3)))).toBe("pass");
    expect(word(ended(takeover(148)))).toBe("late");
    expect(judge(evidence(ended(takeover(null))))).toMatchObject({ word: "late", because: /no block of host-b/ });
  });

  test("of several take-overs the last one counts, and none where the scenario has no such bound", () => {
    expect(word(ended(takeover(null), takeover(3)))).toBe("pass");
    expect(word({ ...ended(takeover(null)), heardWithinMs: null })).toBe("pass");
    expect(word(ended())).toBe("pass");
  });
});

describe("silent", () => {
  test("from the lease's end to the healing nobody signs", () => {
    expect(word({ expects: "silent", report: silent(gap(16, 33)) })).toBe("pass");
  });

  test("a signature in between is wrong", () => {
    expect(word({ expects: "silent", report: silent(gap(16, 25), gap(25, 33)) })).toBe("wrong");
    expect(word({ expects: "silent" })).toBe("wrong");
  });
});

describe("safety comes before everything", () => {
  const overlap = { hosts: ["host-a", "host-b"] as [string, string], from: quiet.at, to: quiet.at, ms: 1 };
  const twice = { height: 7, kinds: ["block" as const], hosts: ["host-a", "host-b"], signatures: 2 };

  test("an overlap of a millisecond, or one height signed twice, is UNSAFE", () => {
    expect(word({ report: { ...quiet, overlapMs: 1, overlaps: [overlap] } })).toBe("UNSAFE");
    expect(word({ report: { ...quiet, doubleSigned: [twice] }, after: null })).toBe("UNSAFE");
  });

  test("strangers among themselves are not ours to answer for; a stranger and one of ours is", () => {
    const foreign = { ...overlap, hosts: ["10.0.0.1", "10.0.0.2"] as [string, string] };
    const strangers = ["10.0.0.1", "10.0.0.2"];
    expect(word({ strangers, report: { ...quiet, overlapMs: 1, overlaps: [foreign] } })).toBe("pass");
    expect(word({ strangers: ["host-b"], report: { ...quiet, overlapMs: 1, overlaps: [overlap] } })).toBe("UNSAFE");
  });
});
