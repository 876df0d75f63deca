/**
 * Power-off fencing, one fault at a time: what it closes, what it must not do, and, so that all this can fail, what is not
 * promised and comes out as two signers.
 */
import { describe, expect, test } from "vitest";
import type { ClusterShape, ShapeFencing } from "./cluster.ts";
import type { Fault } from "./fault.ts";
import { shapeFrom } from "./schedule.ts";
import { type RunReport, replay } from "./simulate.ts";

const required: ShapeFencing = { mode: "required", skipWait: false, isHonest: true };
const bestEffort: ShapeFencing = { mode: "bestEffort", skipWait: false, isHonest: true };

/** When the faults strike: the cluster signs, and its standbys have watched the holder for long enough. */
const strikeMs = 20_000;

interface Options {
  readonly fencing?: ShapeFencing | undefined;
  readonly neardHosts?: 2 | 3;
  readonly lastsMs?: number;
  readonly seed?: number;
}

async function run(faults: readonly Fault[], options: Options): Promise<RunReport> {
  const { fencing, neardHosts = 2, lastsMs = 30_000, seed = 1 } = options;
  const { fencing: _, ...without } = shapeFrom(seed);
  const shape: ClusterShape = {
    ...without,
    neardHosts,
    hasWatchdog: false,
    rates: [1, 1, 1],
    isKeyChanging: false,
    ...(fencing === undefined ? {} : { fencing }),
  };
  const later = faults.map((fault) => ({ ...fault, atMs: strikeMs + fault.atMs }));
  return await replay({ shape, storms: [{ lastsMs: strikeMs + lastsMs, faults: later }] });
}

/** Long enough for a take-over, and it goes on while its lease has something left. */
const paused = (how = "as promised"): Fault => ({ atMs: 0, kind: "pause-machine", on: "holder", forMs: 15_000, how });
const lying: Fault = { atMs: 0, kind: "switch-lies", on: "holder", forMs: 60_000, how: "unpromised" };
const seeds = [1, 2, 3, 4, 5, 6];

describe("a virtual machine that is paused with its clocks", { timeout: 120_000 }, () => {
  test("signs beside its successor where there is no fencing: that is what fencing is for", async () => {
    const reports = await Promise.all(seeds.map(async (seed) => await run([paused("unpromised")], { seed })));
    expect(reports.map(({ violation }) => violation?.promise)).toContain("one-signer");
  });

  test.for([2, 3] as const)(
    "is powered off first where it is required, and never signs again: %i hosts",
    async (neardHosts) => {
      for (const seed of seeds) {
        const report = await run([paused()], { fencing: required, neardHosts, seed });
        expect(report.violations, `seed ${seed}`).toEqual([]);
        expect(report.takeOvers, `seed ${seed}`).toBe(2);
        expect(report.powerCuts, `seed ${seed}: by one standby, once`).toBe(1);
      }
    },
  );

  test("signs beside its successor where the device lies", async () => {
    const reports = await Promise.all(
      seeds.map(async (seed) => await run([lying, paused("unpromised")], { fencing: required, seed })),
    );
    expect(reports.map(({ violation }) => violation?.promise)).toContain("one-signer");
  });
});

describe("a holder that lost its power", { timeout: 60_000 }, () => {
  const dark: Fault = { atMs: 0, kind: "power-off", on: "holder", forMs: 60_000 };

  test("needs no order: its device says that it is off", async () => {
    const report = await run([dark], { fencing: required });
    expect(report).toMatchObject({ violations: [], takeOvers: 2, powerCuts: 0 });
  });

  test.for(["switch-down", "switch-silent"])(
    "nobody takes over while its device does not answer, with %s",
    async (kind) => {
      const down: Fault = { atMs: 0, kind, on: "holder", forMs: 60_000 };
      const report = await run([down, dark], { fencing: required, lastsMs: 55_000 });
      expect(report.violations).toEqual([]);
      expect(report.availability).toBeLessThan(0.5);
      const tried = await run([down, dark], { fencing: bestEffort, lastsMs: 55_000 });
      expect(tried.violations).toEqual([]);
      expect(tried.availability).toBeGreaterThan(0.5);
    },
  );

  test("is not waited for with skipWait, once its device says off", async () => {
    const took = async (skipWait: boolean) => (await run([dark], { fencing: { ...required, skipWait } })).availability;
    expect((await took(true)) - (await took(false))).toBeGreaterThan(0.02);
  });
});

describe("nobody is powered off", { timeout: 60_000 }, () => {
  test.for<[string, Fault[]]>([
    ["in a switchover", [{ atMs: 0, kind: "switchover", how: "to any" }]],
    ["whose session somebody destroyed: it says that it holds nothing", [{ atMs: 0, kind: "destroy-session" }]],
    ["by a standby that is cut off", [{ atMs: 0, kind: "cut", on: "standby", forMs: 25_000, how: "both ways" }]],
    ["whose agent was killed, and goes on", [{ atMs: 0, kind: "kill-agent", on: "holder", forMs: 500 }]],
    ["whose neard died: it lets go", [{ atMs: 0, kind: "kill-neard", on: "holder" }]],
    [
      "while the cluster is paused",
      [
        { atMs: 0, kind: "pause", forMs: 60_000 },
        { atMs: 1000, kind: "pause-machine", on: "holder", forMs: 20_000 },
      ],
    ],
    [
      "when all lost Consul, and have it again",
      [0, 1, 2].map((on) => ({ atMs: on, kind: "stop-consul", on: on as 0 | 1 | 2, forMs: 14_000 })),
    ],
  ])("%s", async ([, faults]) => {
    for (const seed of seeds) {
      const report = await run(faults, { fencing: required, seed, neardHosts: 3 });
      expect(report.violations, `seed ${seed}`).toEqual([]);
      expect(report.powerCuts, `seed ${seed}`).toBe(0);
    }
  });
});

describe("a device that lies", { timeout: 60_000 }, () => {
  /** Cut off from the others, not from the chain: it signs for as long as its lease lives. */
  const cut: Fault = { atMs: 0, kind: "cut", on: "holder", forMs: 25_000, how: "both ways" };

  test("harms nobody where the wait counts", async () => {
    for (const seed of seeds) expect((await run([lying, cut], { fencing: required, seed })).violations).toEqual([]);
  });
});
