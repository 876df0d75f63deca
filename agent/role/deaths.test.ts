import { describe, expect, test } from "vitest";
import type { CleanMarker } from "../../contract/wire/lock-record.ts";
import type { LockView } from "../lease/lock-record.ts";
import { backoffAfter, deathsAfter } from "./deaths.ts";
import { activeCore, Core, heldByA, markerOfA, sightAt } from "./testing.ts";

const died = (deaths: number, change: Partial<CleanMarker> = {}): CleanMarker => ({
  ...markerOfA,
  to: null,
  switchover: null,
  because: "host-a gave way: neard died 3 s after it got the key",
  deaths,
  ...change,
});
const released = (marker: CleanMarker): LockView => ({
  modifyIndex: 51,
  lockIndex: 4,
  session: null,
  value: { host: "host-a", seq: 51, released: marker },
  seal: "right",
});

describe("a neard that dies of its take-over", () => {
  const deadAfter = (ms: number) => {
    const core = activeCore();
    core.after(ms).tell({ is: "renewed", session: "session-b", sentMs: core.nowMs, lockIndex: 5 });
    core.probe({ process: null, answered: false });
    core.effects = [];
    // shut, kill, erase, release
    return core.done().done().done().asked("release")[0]?.marker;
  };

  test("is told in the marker, with after how long", () => {
    expect(deadAfter(3000)).toMatchObject({
      deaths: 1,
      because: "host-b gave way: neard died 3 s after it got the key",
    });
  });

  test("later it is a death like any other", () => {
    expect(deadAfter(6000)).toMatchObject({ deaths: 1 });
    expect(deathsAfter({ deaths: 4 }, 0, 25_000)).toBe(0);
    expect(deathsAfter({ deaths: 4 }, 0, 3000)).toBe(5);
  });
});

describe("the next host", () => {
  /** When it begins its take-over after the marker; Infinity: not within two minutes. */
  function actsAfterMs(marker: CleanMarker, isKeyKnown: boolean): number {
    const core = new Core().tell({ is: "key-checked", available: true }).watched();
    core.tell({ is: "account-seen", sight: sightAt(core.nowMs) });
    const startMs = core.nowMs;
    core.effects = [];
    core.after(100).see(released(marker));
    while (core.nowMs < startMs + 120_000) {
      const asked = core.effects.some((effect) => effect.do === "ask-account");
      if (asked && isKeyKnown) core.tell({ is: "account-seen", sight: sightAt(core.nowMs) });
      if (core.effects.some((effect) => effect.do === "create-session")) return core.nowMs - startMs;
      core.effects = [];
      core.live(500, released(marker));
    }
    return Number.POSITIVE_INFINITY;
  }

  test("does not repeat it at once, but compares its key first", () => {
    expect(actsAfterMs(died(0), true)).toBeLessThan(500);
    const knownMs = actsAfterMs(died(1), true);
    expect(knownMs).toBeGreaterThan(1000);
    expect(knownMs).toBeLessThan(2500);
  });

  test("does not wait for good for a chain that cannot be asked", () => {
    const unknownMs = actsAfterMs(died(1), false);
    expect(unknownMs).toBeGreaterThan(8000);
    expect(unknownMs).toBeLessThan(11_000);
  });

  test("waits longer each time, up to a bound", () => {
    const waits = [1, 2, 3, 4, 50].map((deaths) => actsAfterMs(died(deaths), true));
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits.at(-1)).toBeLessThan(33_000);
    expect(waits.at(-1)).toBeGreaterThan(29_000);
  });

  test("named by the marker waits, too", () => {
    expect(actsAfterMs(died(2, { to: "host-b" }), true)).toBeGreaterThan(5000);
  });

  test("says why", () => {
    const core = new Core().tell({ is: "key-checked", available: true }).watched();
    core.see(released(died(2))).tell({ is: "tick" });
    expect(core.state.because).toBe(
      "host-a gave way: neard died 3 s after it got the key (the 2nd take-over in a row to end so); " +
        "neard has not said since then which key counts; tries it after 13 s",
    );
  });

  test("goes before the one on which it died", () => {
    const waitMs = (host: string) => backoffAfter(died(1), host, sightAt(10), 5)?.waitMs ?? 0;
    expect(waitMs("host-a")).toBeGreaterThan(waitMs("host-b") + 3000);
  });

  test("carries the count on, and a take-over that lived ends it", () => {
    const core = new Core().tell({ is: "key-checked", available: true }).watched();
    core.tell({ is: "account-seen", sight: sightAt(core.nowMs + 200) });
    core.live(4000, released(died(1)));
    core.tell({ is: "session-created", serial: core.state.serial, session: "session-b" });
    core.tell({ is: "took-over", serial: core.state.serial, sentMs: core.nowMs, lockIndex: 5 });
    expect(core.state.phase).toMatchObject({ name: "taking", story: { deaths: 1 } });
  });
});

test("a lock that a live holder has tells of no death", () => {
  const core = new Core().tell({ is: "key-checked", available: true }).live(500, heldByA(50));
  expect(core.state.because).not.toContain("died");
});
