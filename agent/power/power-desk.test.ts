import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import type { LockView } from "../lease/lock-record.ts";
import type { PowerBounds, PowerDevice } from "./device.ts";
import { powerDesk } from "./power-desk.ts";
import { callMs } from "./power-off.ts";
import { PowerWatch, readPower } from "./power-watch.ts";

const heldByA: LockView = {
  modifyIndex: 50,
  lockIndex: 4,
  session: "session-a",
  value: { host: "host-a", seq: 1, heardMs: 6500 },
  seal: "right",
};

interface World {
  /** One after the other, the last for ever; an error is thrown. */
  readonly readings?: ("on" | "off" | Error)[];
  readonly lock?: LockView | null;
  readonly hears?: boolean;
  readonly confirms?: string | null;
}

/** host-b's desk, by which host-a and host-c can be powered off. */
function world({ readings = ["on", "off"], lock = heldByA, hears = true, confirms = null }: World = {}) {
  const deeds: string[] = [];
  let nowMs = 0;
  const clock = {
    bootMs: () => nowMs,
    wallMs: () => 1.7e12,
    sleep: async (ms: number) => {
      nowMs += Math.max(1, ms);
    },
  };
  const device: PowerDevice = {
    kind: "command",
    pollMs: 500,
    read: async () => {
      const said = readings.length > 1 ? readings.shift() : readings[0];
      if (said instanceof Error) throw said;
      return { state: said as "on" | "off", because: "the machine" };
    },
    cut: async () => void deeds.push("cut"),
    give: async () => void deeds.push("give"),
  };
  const deviceOf = (host: string) => (["host-a", "host-c"].includes(host) ? device : null);
  const watch = new PowerWatch(deviceOf, ["host-a", "host-c"], clock);
  const agent = {
    settings: { host: "host-b" },
    state: { watch: { lock } },
    lookAnew: async () => hears,
    confirmOff: () => confirms,
  };
  return { desk: powerDesk(agent as never, deviceOf, watch, clock as never), deeds, watch, deviceOf, clock };
}

describe("a reading", () => {
  const { clock } = world();
  /** What the device was given; `during` is called meanwhile. */
  const boundsOf = async (signal: AbortSignal, during = () => {}): Promise<PowerBounds> => {
    const given: PowerBounds[] = [];
    const device = {
      kind: "command",
      read: async (bounds: PowerBounds) => {
        given.push(bounds);
        during();
        return { state: "on", because: "the machine" };
      },
    };
    await readPower(() => device as never, "host-a", clock, signal);
    return given[0] as PowerBounds;
  };

  test("has the time that it has when it is needed, and no more: one that is too slow is known before", async () => {
    expect((await boundsOf(new AbortController().signal)).withinMs).toBe(callMs);
  });

  test("leaves nothing behind on a signal that lives as long as the agent, and ends with it", async () => {
    const agent = new AbortController();
    const { signal } = await boundsOf(agent.signal);
    expect(signal).not.toBe(agent.signal);
    expect(signal.aborted).toBe(false);
    expect(getEventListeners(agent.signal, "abort")).toEqual([]);
    expect((await boundsOf(agent.signal, () => agent.abort())).signal.aborted).toBe(true);
  });
});

test("a reading is told, and kept for status", async () => {
  const { desk, watch } = world();
  expect(await desk.test("host-a")).toEqual({
    host: "host-a",
    device: "command",
    state: "on",
    because: "the machine",
    tookMs: 0,
  });
  expect(watch.seen).toMatchObject([{ host: "host-a", state: "on" }]);
  const down = world({ readings: [new Error("no route")] });
  expect(await down.desk.test("host-a")).toMatchObject({ state: null, because: "no route" });
});

test.for(["test", "off", "on"] as const)("%s of whom nobody here can reach", async (action) => {
  const { desk, deeds, deviceOf, clock } = world();
  expect(await desk[action]("host-b")).toMatchObject({ refused: "no host is asked about its own power" });
  expect(await desk[action]("host-x")).toMatchObject({ refused: "host-x has no power device here" });
  const arbiter = powerDesk(null, deviceOf, null, clock as never);
  expect(await arbiter[action]("host-a")).toMatchObject({ refused: "it is an arbiter, and has no power devices" });
  expect(deeds).toEqual([]);
});

describe("off", () => {
  test("cuts a standby's power and reads it back", async () => {
    const { desk, deeds } = world();
    expect(await desk.off("host-c")).toMatchObject({ host: "host-c", state: "off" });
    expect(deeds).toEqual(["cut"]);
  });

  test.for<[string, string, World, string]>([
    ["the holder", "host-a", {}, "host-a holds the lock"],
    ["anybody while the lock proves nothing", "host-c", { lock: { ...heldByA, seal: "missing" } }, "does not prove"],
    ["anybody before the lock was read", "host-c", { lock: null }, "does not prove"],
    ["anybody while Consul is not heard", "host-c", { hears: false }, "Consul does not confirm who holds the lock"],
  ])("not %s", async ([, host, change, because]) => {
    const { desk, deeds } = world(change);
    expect(await desk.off(host)).toMatchObject({ refused: expect.stringContaining(because), next: expect.any(String) });
    expect(deeds).toEqual([]);
  });

  test("one that stays on is no success", async () => {
    const { desk } = world({ readings: ["on"] });
    expect(await desk.off("host-c")).toMatchObject({
      refused: expect.stringContaining("still on after its power was cut"),
    });
  });
});

describe("on", () => {
  test("gives power only to one that has none", async () => {
    const dark = world({ readings: ["off", "off", "on"] });
    expect(await dark.desk.on("host-a")).toMatchObject({ state: "on" });
    expect(dark.deeds).toEqual(["give"]);
    const light = world({ readings: ["on"] });
    expect(await light.desk.on("host-a")).toMatchObject({ state: "on" });
    expect(light.deeds).toEqual([]);
  });

  test("one that stays off is told", async () => {
    const { desk } = world({ readings: ["off"] });
    expect(await desk.on("host-a")).toMatchObject({ refused: "host-a is still off after it was given power" });
  });
});

test("a word is taken, or it is said what is waited for instead", () => {
  expect(world().desk.confirm("host-a")).toBeNull();
  const { desk, deviceOf, clock } = world({ confirms: "waits for something else: paused" });
  expect(desk.confirm("host-a")).toMatchObject({ refused: "waits for something else: paused" });
  expect(powerDesk(null, deviceOf, null, clock as never).confirm("host-a")).toMatchObject({
    refused: "it is an arbiter, and waits for nobody",
  });
});

test("all devices are read every five minutes, and each minute while one does not answer", async () => {
  const { deviceOf } = world({ readings: [new Error("down"), "on"] });
  const slept: number[] = [];
  const stop = new AbortController();
  const clock = {
    bootMs: () => 0,
    sleep: async (ms: number) => {
      slept.push(ms);
      if (slept.length === 2) stop.abort();
    },
  };
  const watch = new PowerWatch(deviceOf, ["host-a", "host-c"], clock);
  await watch.run(stop.signal);
  expect(slept).toEqual([60_000, 300_000]);
  expect(watch.seen.map(({ state }) => state)).toEqual(["on", "on"]);
});
