import { expect, test } from "vitest";
import { type ConsulSeen, consulFaults, judge, type Seen, verdictLine } from "./judge.ts";

const gap = (fromHost: string, toHost: string, seconds: number): Seen["gaps"][number] => ({
  fromHeight: 1,
  toHeight: 2,
  from: "",
  to: "",
  seconds,
  fromHost,
  toHost,
});
const quiet: Seen = { overlapMs: 0, doubleSigned: [], gaps: [] };
const moved = { kind: "switchover", epoch: 4, because: "asked for" } as const;

test("switchovers, and what each costs, are what an upgrade may have", () => {
  const seen = { ...quiet, gaps: [gap("host-a", "host-b", 2.4), gap("host-b", "host-b", 1.1)] };
  const verdict = judge(seen, [moved]);
  expect(verdict).toMatchObject({ ok: true, moves: 1, longestMoveS: 2.4, longestStayS: 1.1 });
  expect(verdictLine("upgrade", verdict)).toBe(
    "ok     upgrade: 1 switchovers, silent for 2.4 s at the longest while the key moved, 1.1 s while it stayed",
  );
});

test.each<[string, Partial<Seen>, { kind: "failover" | "first"; epoch: number; because: string }[], string]>([
  ["an overlap", { overlapMs: 3 }, [], "two hosts signed at once, for 3 ms"],
  [
    "a height signed twice",
    { doubleSigned: [{ height: 7, kinds: ["block"], hosts: ["host-a", "host-b"], signatures: 2 }] },
    [],
    "1 heights were signed twice",
  ],
  ["a failover", {}, [{ kind: "failover", epoch: 5, because: "b" }], "the key moved by a failover (epoch 5): b"],
  ["a lock made anew", {}, [{ kind: "first", epoch: 1, because: "b" }], "the key moved by a first (epoch 1): b"],
  ["a long silence while the key moves", { gaps: [gap("host-a", "host-b", 9)] }, [], "above 8 s"],
  ["one while it stays", { gaps: [gap("host-a", "host-a", 5)] }, [], "on one host, above 4 s"],
])("%s is none of it", (_, seen, entries, fault) => {
  const verdict = judge({ ...quiet, ...seen }, entries);
  expect(verdict.ok).toBe(false);
  expect(verdict.faults.join()).toContain(fault);
});

const consul = (version: string, startedMs: number, snapshots: number): ConsulSeen => ({
  version,
  startedMs,
  snapshots,
});
const old = new Map([1, 2, 3].map((at) => [`host-${at}`, consul("1.20.6", at, 0)] as const));

test("Consul is restarted on one server after the other, each after a snapshot where its version changes", () => {
  const after = (...startedS: number[]) =>
    new Map(startedS.map((s, at) => [`host-${at + 1}`, consul("1.22.6", s * 1000, 1)] as const));
  expect(consulFaults(old, after(100, 140, 120), 15_000)).toEqual([]);
  expect(consulFaults(old, after(100, 120, 134), 15_000)).toEqual([
    "Consul was restarted on host-3 14.0 s after it was on host-2",
  ]);
  expect(consulFaults(old, old, 15_000)).toEqual([]);
  const kept = new Map([...after(100, 140, 120)].map(([host, seen]) => [host, { ...seen, snapshots: 0 }] as const));
  expect(consulFaults(old, kept, 15_000)).toHaveLength(3);
  expect(judge(quiet, [moved], consulFaults(old, kept, 15_000)).ok).toBe(false);
});
