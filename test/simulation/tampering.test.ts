/**
 * Somebody with a token and without the key: every way in which he can change the lock, alone and in the very moment
 * in which the holder or a standby is cut off from Consul. Two hosts must not sign, whatever he writes.
 */
import { describe, expect, test } from "vitest";
import type { Fault } from "./fault.ts";
import { type Storm, shapeFrom } from "./schedule.ts";
import { replay } from "./simulate.ts";

const strikeMs = 40_000;

/** Two switchovers first, so that there are old markers and records to play again. */
function storm(tampering: Omit<Fault, "atMs">, cut: "holder" | "standby" | null): Storm {
  return {
    lastsMs: 60_000,
    faults: [
      { atMs: 8000, kind: "switchover", how: "to any" },
      { atMs: 20_000, kind: "switchover", how: "to any" },
      { atMs: strikeMs - 9000, kind: "save-snapshot" },
      { atMs: strikeMs, ...tampering },
      // A moment later: the holder's Consul may be the leader, and nobody could change anything any more.
      ...(cut === null ? [] : [{ atMs: strikeMs + 1, kind: "cut", on: cut, forMs: 12_000, how: "both ways" }]),
    ],
  };
}

const ways: readonly Omit<Fault, "atMs">[] = [
  { kind: "forge-release", how: "unsealed" },
  { kind: "forge-release", how: "with the record's own seal" },
  { kind: "forge-release", how: "with another marker's seal" },
  { kind: "forge-marker" },
  { kind: "replay-record", how: "by a plain write", amount: 5 },
  { kind: "replay-record", how: "in the holder's name", amount: 5 },
  { kind: "replay-record", how: "after deleting the key", amount: 5 },
  { kind: "replay-marker", how: "by a release" },
  { kind: "replay-marker", how: "by a plain write" },
  { kind: "replay-marker", how: "with its epoch made again" },
  { kind: "replay-marker", how: "with its epoch made again", amount: 1 },
  { kind: "foreign-write", how: "nonsense" },
  { kind: "foreign-write", how: "a host's name" },
  { kind: "foreign-lock", how: "takes the lock" },
  { kind: "foreign-lock", how: "releases the lock" },
  { kind: "delete-lock" },
  { kind: "recreate-lock", how: "empty" },
  { kind: "recreate-lock", how: "as it was" },
  { kind: "destroy-session" },
  { kind: "restore-snapshot", amount: 0 },
];

const seeds = [1, 2, 3, 4, 5];

describe.for(["nobody", "holder", "standby"] as const)("%s is cut off", { timeout: 120_000 }, (whom) => {
  test.for(ways)("$kind $how", async (tampering) => {
    let moved = 0;
    for (const seed of seeds) {
      const neardHosts = seed % 2 === 0 ? 3 : 2;
      const shape = { ...shapeFrom(seed), neardHosts, hasWatchdog: false } as const;
      const report = await replay({ shape, storms: [storm(tampering, whom === "nobody" ? null : whom)] });
      expect(report.violations, `seed ${seed}`).toEqual([]);
      moved += report.takeOvers;
    }
    expect(moved, "the key must have moved, or it shows nothing").toBeGreaterThan(seeds.length);
  });
});
