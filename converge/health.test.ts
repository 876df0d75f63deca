import { expect, test } from "vitest";
import { HoldfastError } from "../contract/errors.ts";
import { hostSpecSchema } from "../contract/wire/host-spec.ts";
import { type HealthWait, steadyAfter, unitsProbe, waitHealthy } from "./health.ts";
import { runningUnit } from "./testing.ts";

const spec = hostSpecSchema.parse({
  host: "host-a",
  concern: "neard",
  healthy: ["neard-synced", "agent"],
  healthyWithinMs: 60_000,
});

/** Runs a wait whose probes answer by time; returns when it ended and what it said. */
async function wait(
  over: Partial<HealthWait> & { answer?: (nowMs: number) => string | null },
): Promise<{ endedMs: number; lines: string[]; error: unknown }> {
  let nowMs = 0;
  const lines: string[] = [];
  const { answer = () => null, ...rest } = over;
  const error = await waitHealthy({
    spec,
    steadyMs: 0,
    probe: async () => answer(nowMs),
    probeUnits: async () => null,
    nowMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
    progress: (line) => lines.push(line),
    failure: async (what) => new HoldfastError("HF_APPLY_FAILED", what),
    ...rest,
  }).catch((caught: unknown) => caught);
  return { endedMs: nowMs, lines, error };
}

test("healthy at once: no wait", async () => {
  expect(await wait({})).toEqual({ endedMs: 0, lines: [], error: undefined });
});

test("waits, with a line every 2 s that says for what", async () => {
  const { endedMs, lines, error } = await wait({ answer: (now) => (now < 5000 ? `at height ${now}` : null) });
  expect(error).toBeUndefined();
  expect(endedMs).toBe(5000);
  expect(lines).toEqual([
    "waiting until healthy: neard-synced: at height 2000 (2 s)",
    "waiting until healthy: neard-synced: at height 4000 (4 s)",
  ]);
});

test("must stay so, where it was disturbed", async () => {
  const flapping = (now: number) => (now === 2000 ? "gone again" : null);
  expect(await wait({ steadyMs: 3000, answer: flapping })).toMatchObject({ endedMs: 5500, error: undefined });
});

test("a long while for which it settles is said with its reason, and does not count against the bound", async () => {
  const settling = { steadyMs: 3000, settle: { ms: 16_000, because: "a lock-delay" } };
  const { endedMs, lines, error } = await wait({ ...settling, answer: (now) => (now < 55_000 ? "syncing" : null) });
  expect([endedMs, error]).toEqual([71_000, undefined]);
  expect(lines.at(-1)).toBe("waiting until healthy: a lock-delay (70 s)");
  // A slow answer in between does not make it longer, but for the last seconds; the end of a unit does.
  const slow = (at: number) => (now: number) => (now === at ? "slow" : null);
  expect(await wait({ ...settling, answer: slow(8000) })).toMatchObject({ endedMs: 16_000, error: undefined });
  expect(await wait({ ...settling, answer: slow(15_000) })).toMatchObject({ endedMs: 18_500 });
  // Nor does it end what was healthy late, and is past its bound by now.
  const late = (now: number) => (now < 55_000 || now === 62_000 ? "slow" : null);
  expect(await wait({ ...settling, answer: late })).toMatchObject({ endedMs: 71_000, error: undefined });
  let looks = 0;
  expect(
    await wait({ ...settling, probeUnits: async () => (looks++ === 10 ? "it does not run" : null) }),
  ).toMatchObject({
    endedMs: 5500 + 16_000,
  });
  expect((await wait({ ...settling, answer: (now) => (now % 2000 === 0 ? "gone again" : null) })).error).toMatchObject({
    message: expect.stringContaining("not healthy after 60 s"),
  });
});

test.for<[string, ("consul-voter" | "consul-client" | "neard-synced")[], boolean, number | null, number]>([
  ["nothing that anybody can be asked", [], false, null, 1000],
  ["a neard that was started", ["neard-synced"], false, null, 0],
  ["a neard that was restarted", ["neard-synced"], true, null, 3000],
  ["a Consul server of a living cluster", ["consul-voter"], true, 15_000, 3000],
  ["a Consul server of none", ["consul-voter"], true, null, 3000],
  ["a Consul that can never lead", ["consul-client"], true, 15_000, 3000],
])("%s stays healthy for a while", ([, healthy, disturbed, lockDelayMs, steadyMs]) => {
  const { steadyMs: seen, settle } = steadyAfter({ healthy }, disturbed, lockDelayMs);
  expect(seen).toBe(steadyMs);
  expect(settle?.ms).toBe(healthy.includes("consul-voter") && lockDelayMs !== null ? 16_000 : undefined);
});

test("its bound names what is missing", async () => {
  const { endedMs, error } = await wait({ answer: () => "syncing" });
  expect(endedMs).toBe(60_000);
  expect(error).toMatchObject({
    code: "HF_APPLY_FAILED",
    message: "host-a neard is not healthy after 60 s (neard-synced: syncing)",
  });
});

test("a probe that throws is an answer, not the end", async () => {
  const { error } = await wait({
    answer: (now) => {
      if (now < 1000) throw new Error("connect ECONNREFUSED\nat x");
      return null;
    },
  });
  expect(error).toBeUndefined();
});

test("a unit that has failed for good ends the wait at once", async () => {
  const { endedMs, error } = await wait({
    answer: () => "syncing",
    probeUnits: async () => {
      throw new HoldfastError("HF_APPLY_FAILED", "neard.service has failed");
    },
  });
  expect(endedMs).toBe(0);
  expect(error).toMatchObject({ message: "neard.service has failed" });
});

test("a unit that does not run is not healthy, whatever answers", async () => {
  let looks = 0;
  const { endedMs } = await wait({ probeUnits: async () => (looks++ < 3 ? "neard.service does not run" : null) });
  expect(endedMs).toBe(1500);
});

test("a unit that ends again and again is given up; what it had done before the wait does not count", async () => {
  const fact = { ...runningUnit, state: "down" } as const;
  let restarts = 9;
  const probe = unitsProbe(spec, async () => new Map([["neard.service", { ...fact, restarts: restarts++ }]]));
  for (let look = 0; look < 5; look++) expect(await probe()).toBe("neard.service does not run");
  await expect(probe()).rejects.toThrow("host-a neard: neard.service ends as soon as it is started (5 times)");
});

test("who was left while waiting until healthy ends; the next apply waits on", async () => {
  const { endedMs, error } = await wait({ answer: () => "syncing", left: () => "a newer apply takes its place" });
  expect(endedMs).toBe(0);
  expect(error).toMatchObject({
    code: "HF_APPLY_FAILED",
    message:
      "The apply on host-a ended while it waited (until healthy: neard-synced: syncing), for a newer apply takes its place.",
  });
});

test("who was left while a Consul server settles stays for as long: the lock is kept meanwhile", async () => {
  const settling = { steadyMs: 3000, settle: { ms: 16_000, because: "a lock-delay" }, left: () => "it was ended" };
  expect(await wait(settling)).toMatchObject({ endedMs: 16_000, error: undefined });
  const { endedMs, error } = await wait({ ...settling, answer: (now) => (now >= 5000 ? "gone again" : null) });
  expect([endedMs, error]).toEqual([16_000, expect.objectContaining({ code: "HF_APPLY_FAILED" })]);
});

test("what is healthy is healthy, whoever has left", async () => {
  expect((await wait({ left: () => "it was ended" })).error).toBeUndefined();
});
