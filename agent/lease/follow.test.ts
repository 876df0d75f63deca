import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { consulKeys } from "../../contract/topology.ts";
import type { ConsulClient, KvRead } from "../../host/consul/client.ts";
import { ConsulServers } from "../../host/consul/servers.ts";
import { type Clock, systemClock } from "../../host/system/clock.ts";
import { follow, observedFrom } from "./follow.ts";
import { RollCall } from "./roll-call.ts";
import { sealerFrom } from "./seal.ts";

const clock: Clock = { ...systemClock, bootMs: () => Math.round(performance.now()) };
const read: KvRead = { index: 7, entries: [] };

/** Follows a Consul whose n-th answer is made by `answers[n]` (the last one for all that come after). */
async function followed(
  forMs: number,
  answers: (() => Promise<KvRead>)[],
): Promise<{ sent: number[]; asked: number[]; isBlocking: boolean[] }> {
  const stop = new AbortController();
  const asked: number[] = [];
  const sent: number[] = [];
  const isBlocking: boolean[] = [];
  const client = {
    url: "https://consul",
    readPrefix: async (_prefix: string, query: { waitMs?: number }) => {
      asked.push(clock.bootMs());
      isBlocking.push(query.waitMs !== undefined);
      return await (answers[Math.min(asked.length, answers.length) - 1] as () => Promise<KvRead>)();
    },
  } as unknown as ConsulClient;
  const following = follow({
    servers: new ConsulServers([client], clock),
    keys: consulKeys("localnet", "validator.localnet"),
    sealer: sealerFrom([], ""),
    roll: new RollCall("host-b", sealerFrom([], "")),
    clock,
    signal: stop.signal,
    rest: async () => await sleep(100),
    onEvent: (event) => sent.push(event.sentMs),
    onFailure: () => {},
  });
  await sleep(forMs);
  stop.abort();
  await following;
  return { sent, asked, isBlocking };
}

test("a query that hangs is overlapped by the next, and an early one that is answered late still counts", async () => {
  const late = async () => {
    await sleep(1700);
    return read;
  };
  const hangs = async () =>
    await new Promise<KvRead>((_, reject) => setTimeout(() => reject(new Error("timeout")), 5000));
  const { sent, asked } = await followed(2000, [async () => read, late, hangs]);
  expect(asked.length).toBeGreaterThanOrEqual(3);
  expect(sent).toHaveLength(2);
  expect((sent[1] ?? 0) - (sent[0] ?? 0)).toBeLessThan(300);
});

test("an answer that a newer one has overtaken says nothing", async () => {
  const slow = async () => {
    await sleep(1500);
    return read;
  };
  const { sent } = await followed(2200, [slow, async () => read]);
  expect(sent).toEqual([...sent].sort((a, b) => a - b));
  expect(sent.length).toBeGreaterThanOrEqual(1);
});

test("while answers fail to come, it asks plainly and often: a blocking query would wait when a leader is there again", async () => {
  const hangs = async () =>
    await new Promise<KvRead>((_, reject) => setTimeout(() => reject(new Error("timeout")), 2500));
  const { sent, asked, isBlocking } = await followed(2600, [async () => read, hangs, hangs, hangs, async () => read]);
  expect(isBlocking.slice(0, 6)).toEqual([false, true, false, false, false, true]);
  const [, hung = 0, first = 0, second = 0, third = 0] = asked;
  expect(first - hung).toBeGreaterThanOrEqual(1290);
  for (const apart of [second - first, third - second]) expect(Math.abs(apart - 400)).toBeLessThan(200);
  expect(sent.length).toBeGreaterThanOrEqual(2);
});

test("a note that is not understood is one of a host that is not ready, not of a host that is not there", () => {
  const keys = consulKeys("localnet", "validator.localnet");
  const note = { ready: true, because: "ready", ack: "s1", active: true };
  const of = (value: unknown) => {
    const entry = {
      key: keys.host("host-b"),
      value: JSON.stringify(value),
      modifyIndex: 5,
      lockIndex: 0,
      session: null,
    };
    const [sealer, roll] = [sealerFrom([], ""), new RollCall("host-a", sealerFrom([], ""))];
    return observedFrom({ index: 9, entries: [entry] }, keys, sealer, roll, 0).notes["host-b"];
  };
  const nothing = {
    ready: false,
    ack: null,
    isActive: false,
    asks: null,
    cleared: null,
    acksInS: 0,
    fencing: null,
    modifyIndex: 5,
  };
  expect(of({ format: 1, ...note })).toMatchObject({ ready: true, ack: "s1", isActive: true });
  expect(of({ format: 2, ...note })).toEqual({ ...nothing, because: "its note is of a newer release" });
  expect(of("ready")).toEqual({ ...nothing, because: "its note cannot be read" });
});

test("whether a host is active its note says; one of an older agent in words alone", () => {
  const keys = consulKeys("localnet", "validator.localnet");
  const entry = (host: string, note: object) => ({
    key: keys.host(host),
    value: JSON.stringify(note),
    modifyIndex: 7,
    lockIndex: 0,
    session: null,
  });
  const { notes } = observedFrom(
    {
      index: 7,
      entries: [
        entry("host-a", { ready: false, because: "is active", ack: null, active: true }),
        entry("host-b", { ready: false, because: "is active", ack: null }),
        entry("host-c", { ready: false, because: "is taking", ack: null }),
        entry("host-d", { ready: false, because: "is active", ack: null, active: false }),
      ],
    },
    keys,
    sealerFrom([], ""),
    new RollCall("host-b", sealerFrom([], "")),
    1000,
  );
  expect(Object.values(notes).map((note) => note.isActive)).toEqual([true, true, false, false]);
});
