import { expect, test } from "vitest";
import { type ConsulSeen, consulFaults, judge, programFaults, type Seen, verdictLine } from "./judge.ts";

const gap = (fromHost: string, toHost: string, seconds: number): Seen["gaps"][number] => ({
  fromHeight: 1,
  toHeight: 2,
  from: "",
  to: "",
  seconds,
  fromHost,
  toHost,
});
const current = { host: "host-a", key: "ed25519:k", height: 9, at: "", silentMs: 300 };
const quiet: Seen = { overlapMs: 0, doubleSigned: [], gaps: [], takeovers: [], current };
const takeover = { from: "host-a", to: "host-b", at: "", keySeconds: 1, firstAcceptedSeconds: 1 };
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
  ["a chain on which nothing of ours was seen", { current: null }, [], "saw nothing that the key signed"],
  ["a key that is silent in the end", { current: { ...current, silentMs: 9000 } }, [], "silent for 9.0 s in the end"],
  ["a move of which the history has nothing", { takeovers: [takeover] }, [], "1 times, of which the history has 0"],
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
  const mute = new Map([["host-1", consul("", 0, 0)]]);
  expect(consulFaults(mute, mute, 15_000)).toEqual([
    "Consul on host-1 does not say of which version it is, or since when it runs",
  ]);
  const kept = new Map([...after(100, 140, 120)].map(([host, seen]) => [host, { ...seen, snapshots: 0 }] as const));
  expect(consulFaults(old, kept, 15_000)).toHaveLength(3);
  expect(judge(quiet, [moved], consulFaults(old, kept, 15_000)).ok).toBe(false);
});

test("that the agents are the program that was deployed shows in their checksums, whatever the releases call themselves", () => {
  const [a, b, c] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [string, string, string];
  const running = (...sums: string[]) => new Map(sums.map((sum, at) => [`host-${at + 1}`, sum] as const));
  const all = (program: "earlier" | "this") => () => program;
  const mixed = (host: string) => (host === "host-2" ? "this" : "earlier");
  expect(programFaults(running(a, a, a), all("earlier"), null)).toEqual([]);
  expect(programFaults(running(a, a, b), all("earlier"), null)).toEqual([
    "the agent on host-3 is not the earlier release's",
  ]);
  expect(programFaults(running(b, b, b), all("this"), a)).toEqual([]);
  expect(programFaults(running(b, b, a), all("this"), a)).toContain("the agent on host-3 is the earlier release's");
  expect(programFaults(running(b, b, c), all("this"), a)).toEqual([
    "the hosts' agents of this release are not the same program",
  ]);
  expect(programFaults(running(a, b, a), mixed, a)).toEqual([]);
  expect(programFaults(running(a, a, a), mixed, a)).toHaveLength(1);
  expect(programFaults(running(a, "", a), all("earlier"), null)).toEqual([
    "host-2 does not show which program its agent is",
  ]);
});
