import { expect, test } from "vitest";
import { makeReport } from "../../../lab/chain/report.ts";
import { type Outcome, randomMarkdown, verdictOf } from "./report.ts";

const t0 = Date.UTC(2026, 0, 1);
const quiet = makeReport([], { account: "a", slotMs: 600, fromHeight: 1, fromMs: t0, nowMs: t0 });
const outcome = (more: Partial<Outcome> = {}): Outcome => ({
  timeline: {
    seed: 7,
    startMs: t0,
    endMs: t0 + 120_000,
    leaseMs: 6500,
    hosts: [],
    faults: [
      { kind: "poweroff", host: "host-a", fromMs: t0 + 10_000, toMs: t0 + 20_000 },
      { kind: "kill-all", host: "host-a", fromMs: t0 + 12_000, toMs: t0 + 12_000, skipped: "host-a is off" },
    ],
    overlaps: [],
  },
  witness: {
    ...quiet,
    gaps: [
      {
        fromHeight: 1,
        toHeight: 2,
        from: new Date(t0 + 10_000).toISOString(),
        to: new Date(t0 + 18_500).toISOString(),
        seconds: 8.5,
        fromHost: "host-a",
        toHost: "host-b",
      },
    ],
  },
  commit: "abc",
  minutesAsked: 2,
  notHealthy: null,
  interrupted: false,
  recoveredMs: 9000,
  ...more,
});

test("well only when safe, recovered and not interrupted", () => {
  expect(verdictOf(outcome()).ok).toBe(true);
  expect(verdictOf(outcome({ notHealthy: "no standby is ready" })).ok).toBe(false);
  expect(verdictOf(outcome({ interrupted: true })).ok).toBe(false);
  const unsafe = verdictOf(outcome({ witness: { ...quiet, overlapMs: 3 } }));
  expect(unsafe).toMatchObject({ ok: false, sentence: expect.stringContaining("UNSAFE") });
});

test("says how to run it again, and which faults were on during each long silence", () => {
  const text = randomMarkdown(outcome(), "x.svg");
  expect(text).toContain("npm run nemesis -- --minutes 2 --seed 7");
  expect(text).toContain("| 0:10 | 8.5 s | host-a | host-b | poweroff host-a |");
  expect(text).toContain("| 0:12 | 0:12 | kill-all host-a | host-a is off |");
  expect(text).toContain("1, 1 kinds; 1 found nothing to break");
  expect(text).toContain("![timeline](x.svg)");
});
