import { expect, test } from "vitest";
import { CommandDevice } from "./command-device.ts";

const signal = new AbortController().signal;
const bounds = { withinMs: 5000, signal };

function device(out: string, fault: Error | null = null, err = "") {
  const started: string[] = [];
  const it = new CommandDevice(
    { host: "host-a", device: "command", unit: "holdfast-power-host-a@.service", timeoutMs: 20_000 },
    {
      start: async (unit, timeoutMs) => {
        started.push(`${unit} ${timeoutMs}`);
        if (fault !== null) throw fault;
      },
      output: async (_host, _action, stream) => (stream === "out" ? out : err),
    },
  );
  return { it, started };
}

test("the unit's instance is the action", async () => {
  const { it, started } = device("on\n");
  await it.read(bounds);
  await it.cut(bounds);
  await it.give(bounds);
  expect(started).toEqual([
    "holdfast-power-host-a@status.service 5000",
    "holdfast-power-host-a@off.service 5000",
    "holdfast-power-host-a@on.service 5000",
  ]);
});

test("the last line says it, in one word", async () => {
  expect((await device("asking the BMC\noff\n").it.read(bounds)).state).toBe("off");
  expect((await device("on").it.read(bounds)).state).toBe("on");
});

test.for(["", "\n", "OFF", "power is off", "off?", "0", "off\nbut not sure"])(
  "%j is neither on nor off",
  async (out) => {
    await expect(device(out).it.read(bounds)).rejects.toThrow(/said neither on nor off/);
  },
);

test("a program that fails says why in its last line of stderr; an exit code is never off", async () => {
  const fault = new Error("systemctl ended with status 1: Job for holdfast-power-host-a@status.service failed.\nSee");
  await expect(device("off\n", fault, "usage\nno password\n").it.read(bounds)).rejects.toThrow(
    "the fence command for host-a failed at status: no password",
  );
  await expect(device("off\n", fault).it.read(bounds)).rejects.toThrow(/failed at status: systemctl ended/);
});

test("one that is not wanted any more is not started", async () => {
  const { it, started } = device("on");
  await expect(it.cut({ withinMs: 5000, signal: AbortSignal.abort() })).rejects.toThrow(/broken off/);
  expect(started).toEqual([]);
});
