import { expect, test } from "vitest";
import { activeStatus, standbyStatus, wellHeard } from "../../cli/testing/cluster.ts";
import { Metrics } from "./metrics.ts";

const lines = async (status: Parameters<Metrics["render"]>[0]) =>
  (await new Metrics().render(status)).split("\n").filter((line) => !line.startsWith("#"));

test("a holder that is not heard: for how long, and of how many duties how many were taken", async () => {
  const duties = { ...wellHeard.duties, endorsements: { produced: 2, expected: 14 } };
  const heard = { ...wellHeard, state: "not-heard", notHeardMs: 44_000, duties } as const;
  const text = await lines(activeStatus("host-a", { heard }));
  expect(text).toContain("holdfast_heard 0");
  expect(text).toContain("holdfast_not_heard_seconds 44");
  expect(text).toContain('holdfast_duties_produced{duty="endorsements"} 2');
  expect(text).toContain('holdfast_duties_expected{duty="endorsements"} 14');
});

test("one that is heard, and a standby, for which there is nothing to hear", async () => {
  expect(await lines(activeStatus("host-a"))).toContain("holdfast_heard 1");
  const standby = await lines(standbyStatus("host-b"));
  expect(standby).toContain("holdfast_heard 0");
  expect(standby).toContain("holdfast_not_heard_seconds 0");
  expect(standby).toContain('holdfast_duties_expected{duty="blocks"} 0');
});

test("a key that does not count, now or from the next NEAR epoch on", async () => {
  const { key } = standbyStatus("host-b");
  const text = await lines(standbyStatus("host-b", { key: { ...key, nextFault: "the chain has another" } }));
  expect(text).toContain("holdfast_key_counts 1");
  expect(text).toContain("holdfast_next_key_counts 0");
});

test("a lock that somebody tampers with", async () => {
  const quiet = await lines(standbyStatus("host-b"));
  expect(quiet).toContain("holdfast_lock_sealed 1");
  expect(quiet).toContain("holdfast_lock_tampering 0");
  const lock = { doubted: false, acksInMs: 0, doubtFault: null };
  const tampering = { count: 3, lastAgoMs: 5, because: "deleted" };
  const told = await lines(standbyStatus("host-b", { lock: { ...lock, seal: "wrong", tampering } }));
  expect(told).toContain("holdfast_lock_sealed 0");
  expect(told).toContain("holdfast_lock_tampering 3");
});
