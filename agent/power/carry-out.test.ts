import { describe, expect, test } from "vitest";
import { consulKeys } from "../../contract/topology.ts";
import type { KvEntry } from "../../host/consul/client.ts";
import { ConsulUnknown } from "../../host/consul/errors.ts";
import { lockViewFrom } from "../lease/lock-record.ts";
import { sealerFrom } from "../lease/seal.ts";
import { carryOut } from "./carry-out.ts";
import type { PowerDevice } from "./device.ts";

const keys = consulKeys("localnet", "validator.localnet");
const sealer = sealerFrom([], keys.lock);
const entry: KvEntry = { key: keys.lock, value: "", modifyIndex: 50, lockIndex: 4, session: "session-a" };
const signal = new AbortController().signal;

/** @param now what a consistent read shows, or what it throws */
function world(now: readonly KvEntry[] | Error, states: ("on" | "off")[] = ["on", "off"]) {
  const deeds: string[] = [];
  let nowMs = 1000;
  const device: PowerDevice = {
    kind: "command",
    pollMs: 500,
    read: async () => ({ state: (states.length > 1 ? states.shift() : states[0]) as "on" | "off", because: "it" }),
    cut: async () => void deeds.push("cut"),
    give: async () => void deeds.push("give"),
  };
  const client = {
    readPrefix: async (_: string, options: object) => {
      deeds.push(`read ${JSON.stringify(options)}`);
      if (now instanceof Error) throw now;
      return { index: 99, entries: now };
    },
  };
  const partners = {
    keys,
    clock: {
      bootMs: () => nowMs,
      wallMs: () => 1.7e12,
      sleep: async (ms: number) => {
        nowMs += Math.max(1, ms);
      },
    },
    servers: { use: async (ask: (c: typeof client) => unknown) => await ask(client) },
    custody: { sealer },
    deviceOf: (host: string) => (host === "host-a" ? device : null),
  };
  const run = async (what: "look" | "off", host = "host-a") => {
    const job = {
      number: 1,
      host,
      term: { epoch: 4, session: null, seq: null, anewMs: 0 },
      what,
      sinceMs: 0,
      trouble: null,
    } as const;
    const effect = { do: "power", job, lock: lockViewFrom(entry, sealer), withinMs: 3000, failures: null } as const;
    const { proof, isBrokenOff } = await carryOut(effect, partners as never, signal, () => {});
    return { ...proof, isBrokenOff };
  };
  return { run, deeds };
}

test("a power-off is confirmed by a consistent read of the very record just before", async () => {
  const { run, deeds } = world([entry]);
  expect(await run("off")).toMatchObject({
    host: "host-a",
    device: "command",
    outcome: "off",
    at: "2023-11-14T22:13:20.000Z",
  });
  // Consistent is the client's default; a stale one would have to ask for it.
  expect(deeds).toEqual(['read {"timeoutMs":2000}', "cut"]);
});

describe("nobody is powered off", () => {
  test.for<[string, readonly KvEntry[] | Error, string]>([
    ["when the lock was renewed", [{ ...entry, modifyIndex: 51 }], "the lock has moved since"],
    ["when somebody took it", [{ ...entry, lockIndex: 5 }], "the lock has moved since"],
    ["when it is free", [{ ...entry, session: null }], "the lock has moved since"],
    ["when it is gone", [], "the lock has moved since"],
    ["when somebody paused", [entry, { ...entry, key: keys.pause }], "the cluster is paused"],
    ["when Consul has no majority for us", new ConsulUnknown("no answer in time"), "no answer in time"],
  ])("%s", async ([, now, because]) => {
    const { run, deeds } = world(now, ["on"]);
    expect(await run("off")).toMatchObject({ outcome: "unproven", because: expect.stringContaining(because) });
    expect(deeds).not.toContain("cut");
  });

  test("by a look", async () => {
    const { run, deeds } = world([entry], ["on"]);
    expect(await run("look")).toMatchObject({ outcome: "unproven", because: "it is on" });
    expect(await world([entry], ["off"]).run("look")).toMatchObject({ outcome: "off" });
    expect(deeds).toEqual([]);
  });

  test("who has no device", async () => {
    expect(await world([entry]).run("off", "host-c")).toMatchObject({ outcome: "unproven", device: "none" });
  });
});
