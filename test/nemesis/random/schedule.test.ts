import { expect, test } from "vitest";
import { faultKinds } from "../../../lab/faults/kinds.ts";
import { planRounds } from "./schedule.ts";

const hosts = [{ neard: true }, { neard: true }, { neard: false }];
const hour = 3_600_000;

test("the same seed gives the same schedule, another seed another one", () => {
  expect(planRounds(7, hour, hosts)).toEqual(planRounds(7, hour, hosts));
  expect(planRounds(8, hour, hosts)).not.toEqual(planRounds(7, hour, hosts));
});

test("a longer run begins like a shorter one", () => {
  const short = planRounds(7, hour / 6, hosts);
  expect(planRounds(7, hour, hosts).slice(0, short.length)).toEqual(short);
});

test("two faults at a time, healed before the round's calm, all within the time", () => {
  const rounds = planRounds(3, hour, hosts);
  expect(rounds.length).toBeGreaterThan(60);
  for (const [i, { faults, healMs, endMs }] of rounds.entries()) {
    expect(faults).toHaveLength(2);
    for (const fault of faults) {
      expect(fault.fromMs).toBeGreaterThanOrEqual(rounds[i - 1]?.endMs ?? 0);
      expect(fault.toMs).toBeGreaterThan(fault.fromMs);
      expect(fault.toMs).toBeLessThanOrEqual(healMs);
    }
    expect(endMs).toBeGreaterThan(healMs);
    expect(healMs).toBeLessThanOrEqual(hour);
  }
});

test("only kinds that the lab has, each at some time, and those of neard where one is", () => {
  const known = new Map(faultKinds.map((kind) => [kind.name, kind]));
  const faults = planRounds(1, 20 * hour, hosts).flatMap((round) => round.faults);
  for (const { kind, host, peer } of faults) {
    expect(known.has(kind), kind).toBe(true);
    expect(peer === undefined).toBe(kind !== "partition-pair");
    expect(peer).not.toBe(host);
    if (/neard|-all$/.test(kind)) expect(hosts[host]?.neard, kind).toBe(true);
  }
  expect(new Set(faults.map(({ kind }) => kind)).size).toBeGreaterThan(25);
});
