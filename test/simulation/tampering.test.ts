/**
 * Somebody with a token and without the key: every way in which he can change the lock, alone and in the very moment
 * in which the holder or a standby is cut off from Consul. Two hosts must not sign, whatever he writes.
 */
import { describe, expect, test } from "vitest";
import type { Fault } from "./fault.ts";
import { networkFaults } from "./faults-of-consul.ts";
import { hostFaults } from "./faults-of-hosts.ts";
import { peopleFaults } from "./faults-of-people.ts";
import { type Storm, shapeFrom } from "./schedule.ts";
import { replay, simulate } from "./simulate.ts";

const strikeMs = 40_000;

/** Two switchovers first, so that there are old markers and records to play again. */
function storm(tampering: Omit<Fault, "atMs">, cut: "holder" | "standby" | null): Storm {
  return {
    lastsMs: 60_000,
    faults: [
      { atMs: 8000, kind: "switchover", how: "to any" },
      { atMs: 20_000, kind: "switchover", how: "to any" },
      { atMs: 14_000, kind: "save-snapshot" },
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
  { kind: "restore-snapshot", how: "of another term", amount: 1 },
  { kind: "restore-snapshot", how: "of the same term", amount: 0 },
];

/** The next renewal writes over it before anybody has looked, or it is as if it had come late. */
const unseen = new Set(["in the holder's name", "of the same term"]);
const seeds = [1, 2, 3, 4, 5];

describe.for(["nobody", "holder", "standby"] as const)("%s is cut off", { timeout: 120_000 }, (whom) => {
  test.for(ways)("$kind $how", async (tampering) => {
    let moved = 0;
    for (const seed of seeds) {
      const neardHosts = seed % 2 === 0 ? 3 : 2;
      const shape = { ...shapeFrom(seed), neardHosts, hasWatchdog: false } as const;
      const report = await replay({ shape, storms: [storm(tampering, whom === "nobody" ? null : whom)] });
      expect(report.violations, `seed ${seed}`).toEqual([]);
      if (!unseen.has(tampering.how ?? "")) expect(report.tampering, `seed ${seed}: nobody says so`).not.toEqual([]);
      moved += report.takeOvers;
    }
    expect(moved, "the key must have moved, or it shows nothing").toBeGreaterThan(seeds.length);
  });
});

/** Hosts that fail, and people who do what they may: those who tamper are told from them. */
test("without anybody who tampers nobody says so, whatever else breaks", { timeout: 300_000 }, async () => {
  const kinds = [...Object.keys(hostFaults), ...Object.keys(networkFaults), ...Object.keys(peopleFaults)];
  for (let seed = 1; seed <= 40; seed += 1) {
    const report = await simulate(seed, 0.5, { kinds });
    expect(report.violations, `seed ${seed}`).toEqual([]);
    expect(report.tampering, `seed ${seed}`).toEqual([]);
  }
});
