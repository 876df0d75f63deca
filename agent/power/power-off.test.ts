import { describe, expect, test } from "vitest";
import { type DeviceReading, type PowerDevice, WrongMachine } from "./device.ts";
import { NotWanted, powerOff } from "./power-off.ts";

type Said = "on" | "off" | Error;

/** A device that says one thing after the other (the last for ever), each within 100 ms of a virtual clock. */
function device(readings: readonly Said[], cuts: readonly (Error | null)[] = [null]) {
  const deeds: string[] = [];
  const said = [...readings];
  const told = [...cuts];
  const time = { nowMs: 1000 };
  const next = <T>(all: T[]): T => (all.length > 1 ? (all.shift() as T) : (all[0] as T));
  const clock = {
    bootMs: () => time.nowMs,
    sleep: async (ms: number) => {
      time.nowMs += Math.max(ms, 1);
    },
  };
  const fake: PowerDevice = {
    kind: "command",
    pollMs: 500,
    read: async (): Promise<DeviceReading> => {
      time.nowMs += 100;
      const now = next(said);
      deeds.push(now instanceof Error ? "read fails" : `reads ${now}`);
      if (now instanceof Error) throw now;
      return { state: now, because: "server 1" };
    },
    cut: async () => {
      time.nowMs += 100;
      const fault = next(told);
      deeds.push(fault === null ? "cut" : "cut fails");
      if (fault !== null) throw fault;
    },
    give: async () => void deeds.push("give"),
  };
  const troubles: string[] = [];
  const onTrouble = (because: string) => void troubles.push(because);
  const { signal } = new AbortController();
  const run = async (
    stillWanted: () => Promise<void> = async () => {},
    withinMs = 10_000,
    failures: number | null = null,
  ) => await powerOff(fake, { clock, withinMs, signal, failures, onTrouble, stillWanted });
  return { deeds, run, time, troubles };
}

describe("is off by a reading, never by an order", () => {
  test("told, then read until it says so", async () => {
    const { run, deeds } = device(["on", "on", "on", "off"]);
    expect(await run()).toMatch(/^server 1 is off, read \d\.\d s after its power was cut$/);
    expect(deeds).toEqual(["reads on", "cut", "reads on", "reads on", "reads off"]);
  });

  test("one that is off already is told nothing", async () => {
    const { run, deeds } = device(["off"]);
    expect(await run()).toBe("server 1 was off already");
    expect(deeds).toEqual(["reads off"]);
  });

  test("an order that is accepted and never carried out proves nothing", async () => {
    const { run, deeds } = device(["on"]);
    await expect(run()).rejects.toThrow("server 1 is still on after its power was cut (bound: 10 s)");
    expect(deeds.filter((deed) => deed === "cut")).toHaveLength(1);
  });

  test("it is told again after ten seconds", async () => {
    const { run, deeds } = device(["on"]);
    await expect(run(async () => {}, 25_000)).rejects.toThrow(/still on/);
    expect(deeds.filter((deed) => deed === "cut")).toHaveLength(3);
  });
});

describe("trouble", () => {
  test("a device that is busy or out of reach is asked again", async () => {
    const busy = device(["on", "on", "off"], [new Error("locked"), null]);
    expect(await busy.run()).toContain("is off");
    expect(busy.deeds).toEqual(["reads on", "cut fails", "reads on", "cut", "reads off"]);
    const away = device([new Error("no route"), "on", "off"]);
    expect(await away.run()).toContain("is off");
  });

  test("one that never answers costs no more than the bound, and says why", async () => {
    const { run, time } = device([new Error("no route to the device")]);
    await expect(run()).rejects.toThrow("no route to the device (bound: 10 s)");
    expect(time.nowMs).toBeLessThan(1000 + 10_000 + 1000);
  });

  test("nothing is begun with too little time left to end: no order that nobody reads the effect of", async () => {
    const { run, deeds, time } = device(["on"]);
    await expect(run(undefined, 550)).rejects.toThrow("server 1 is on (bound: 0.55 s)");
    expect(deeds).toEqual(["reads on"]);
    expect(time.nowMs).toBeLessThanOrEqual(1550);
    const short = device(["on"]);
    await expect(short.run(undefined, 499)).rejects.toThrow("there was no time to ask the device");
    expect(short.deeds).toEqual([]);
  });

  test("what goes wrong is told while it is still tried, once", async () => {
    const { run, troubles } = device(
      [new Error("no route"), new Error("no route"), "on", "off"],
      [new Error("locked"), null],
    );
    await run();
    expect(troubles).toEqual(["no route", "locked"]);
    const stuck = device(["on"]);
    await expect(stuck.run()).rejects.toThrow();
    expect(stuck.troubles).toEqual(["server 1 is still on after its power was cut"]);
  });

  test("who shall not be waited for is given up after some failures in a row, not after some in all", async () => {
    const down = device([new Error("no route")]);
    await expect(down.run(undefined, 10_000, 3)).rejects.toThrow("no route (3 times in a row)");
    expect(down.time.nowMs).toBeLessThan(1000 + 3000);
    const flaky = device([new Error("x"), new Error("x"), "on", new Error("x"), new Error("x"), "off"]);
    expect(await flaky.run(undefined, 10_000, 3)).toContain("is off");
  });

  test("nothing is done to another machine", async () => {
    const { run, deeds } = device([new WrongMachine("it is called something else")]);
    await expect(run()).rejects.toThrow(WrongMachine);
    expect(deeds).toEqual(["read fails"]);
  });
});

describe("before each order it is asked whether that is still wanted", () => {
  test("and nothing is cut if not", async () => {
    const { run, deeds } = device(["on"]);
    const no = async () => {
      throw new NotWanted("the lock has moved");
    };
    await expect(run(no)).rejects.toThrow("the lock has moved");
    expect(deeds).toEqual(["reads on"]);
  });

  test("nor while that cannot be told", async () => {
    const { run, deeds } = device(["on"]);
    const unknown = async () => {
      throw new Error("Consul does not answer");
    };
    await expect(run(unknown)).rejects.toThrow("Consul does not answer (bound: 10 s)");
    expect(deeds).not.toContain("cut");
  });

  test("again before the second order", async () => {
    let asked = 0;
    const { run } = device(["on"]);
    const count = async () => {
      asked += 1;
    };
    await expect(run(count, 15_000)).rejects.toThrow();
    expect(asked).toBe(2);
  });
});
