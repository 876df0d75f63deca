import { describe, expect, test } from "vitest";
import { genesis, genesisMs } from "./fixtures.ts";
import { heightAt, maintenanceWindows, nearEpochOf, producerAt, slotStartMs } from "./schedule.ts";

const heights = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe("producerAt", () => {
  test("draws by stake: a quarter of the blocks is ours", () => {
    const share = heights(0, 4000).filter((height) => producerAt(genesis, height) === genesis.account).length / 4000;
    expect(share).toBeGreaterThan(0.22);
    expect(share).toBeLessThan(0.28);
  });

  test("depends on the genesis, so two chains differ", () => {
    const other = { ...genesis, genesis_time: "2026-01-01T00:00:01.000Z" };
    const producers = (of: typeof genesis) => heights(0, 50).map((height) => producerAt(of, height));
    expect(producers(genesis)).toEqual(producers(genesis));
    expect(producers(other)).not.toEqual(producers(genesis));
  });
});

test("a height's slot begins where the one before ends", () => {
  expect(heightAt(genesis, genesisMs)).toBe(0);
  expect(heightAt(genesis, genesisMs + 599)).toBe(0);
  expect(heightAt(genesis, slotStartMs(genesis, 7))).toBe(7);
});

test("NEAR's epochs follow each other without a hole", () => {
  expect(nearEpochOf(genesis, 99)).toEqual({ number: 0, start: 0, end: 100 });
  expect(nearEpochOf(genesis, 100)).toEqual({ number: 1, start: 100, end: 200 });
});

describe("maintenanceWindows", () => {
  test("cover exactly the heights without a block of ours, from the head to the epoch's end", () => {
    const covered = maintenanceWindows(genesis, genesis.account, 37).flatMap(({ start, end }) => heights(start, end));
    expect(covered).toEqual(heights(37, 100).filter((height) => producerAt(genesis, height) !== genesis.account));
  });

  test("are whole: two never touch", () => {
    const windows = maintenanceWindows(genesis, genesis.account, 0);
    expect(windows.length).toBeGreaterThan(3);
    for (const [i, next] of windows.slice(1).entries()) expect(next.start).toBeGreaterThan(windows[i]?.end ?? Infinity);
  });

  test("one who produces nothing gets the rest of the epoch", () => {
    expect(maintenanceWindows(genesis, "pool.localnet", 42)).toEqual([{ start: 42, end: 100 }]);
  });
});
