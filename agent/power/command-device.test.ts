import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { CommandDevice, systemdRunner } from "./command-device.ts";
import { powerOff } from "./power-off.ts";

const signal = new AbortController().signal;
const bounds = { withinMs: 5000, signal };

function device(out: string, fault: Error | null = null, err = "") {
  const started: string[] = [];
  const begin =
    (how: string) =>
    async (unit: string, { withinMs }: { withinMs: number }) => {
      started.push(`${how} ${unit} ${withinMs}`);
      if (fault !== null) throw fault;
    };
  const it = new CommandDevice(
    { host: "host-a", device: "command", unit: "holdfast-power-host-a@.service", timeoutMs: 20_000 },
    {
      start: begin("start"),
      restart: begin("restart"),
      output: async (_host, _action, stream) => (stream === "out" ? out : err),
    },
  );
  return { it, started };
}

test("the unit's instance is the action; a reading is begun anew, an order that runs is let go on", async () => {
  const { it, started } = device("on\n");
  await it.read(bounds);
  await it.cut(bounds);
  await it.give(bounds);
  expect(started).toEqual([
    "restart holdfast-power-host-a@status.service 5000",
    "start holdfast-power-host-a@off.service 5000",
    "start holdfast-power-host-a@on.service 5000",
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

describe("one call at a time", () => {
  const config = {
    host: "host-a",
    device: "command",
    unit: "holdfast-power-host-a@.service",
    timeoutMs: 20_000,
  } as const;

  /** As systemd does it: a unit that is started anew is ended first, and its file is the one that runs last. */
  function slow() {
    const running: { unit: string; end: (out: string) => void; signal: AbortSignal }[] = [];
    let file = "off\n";
    const begin = async (unit: string, { signal }: { signal: AbortSignal }) =>
      await new Promise<void>((resolve, reject) => {
        file = "";
        const end = (out: string) => {
          file = out;
          resolve();
        };
        running.push({ unit, end, signal });
        signal.addEventListener("abort", () => reject(new Error("systemctl: The operation was aborted")));
      });
    const it = new CommandDevice(config, { start: begin, restart: begin, output: async () => file });
    return { it, running };
  }

  test("a reading that was begun before the power was cut is not what is read after it; whose it was takes the younger one's answer", async () => {
    const { it, running } = slow();
    const before = it.read(bounds);
    const after = it.read(bounds);
    expect(running[0]?.signal.aborted).toBe(true);
    running[1]?.end("on\n");
    expect((await after).state).toBe("on");
    expect((await before).state).toBe("on");
  });

  test("nor does an older one take the younger one's beginning for its answer", async () => {
    const { it, running } = slow();
    const before = it.read(bounds);
    running[0]?.end("off\n");
    const after = it.read(bounds);
    running[1]?.end("on\n");
    expect((await after).state).toBe("on");
    expect((await before).state).toBe("on");
  });

  test("a look now and then ends no reading: it takes its answer, and begins its own where there is none", async () => {
    const { it, running } = slow();
    const job = it.read(bounds);
    const look = it.read({ ...bounds, isIdle: true });
    expect(running).toHaveLength(1);
    running[0]?.end("on\n");
    expect([(await job).state, (await look).state]).toEqual(["on", "on"]);
    const later = it.read({ ...bounds, isIdle: true });
    running[1]?.end("off\n");
    expect((await later).state).toBe("off");
  });

  test("a reading that something hangs on waits for no look, which takes its answer", async () => {
    const { it, running } = slow();
    const look = it.read({ ...bounds, isIdle: true });
    const job = it.read(bounds);
    expect(running.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    running[1]?.end("off\n");
    expect([(await job).state, (await look).state]).toEqual(["off", "off"]);
  });

  test("whoever waits for another's reading that is given up begins its own, and waits no longer than its bound", async () => {
    const { it, running } = slow();
    const stop = new AbortController();
    const job = it.read({ withinMs: 5000, signal: stop.signal });
    const own = new AbortController();
    const look = it.read({ withinMs: 5000, signal: own.signal, isIdle: true });
    const late = it.read({ withinMs: 5, signal: own.signal, isIdle: true });
    await expect(late).rejects.toThrow("the fence command for host-a did not answer in time");
    stop.abort();
    await expect(job).rejects.toThrow("it was broken off");
    await vi.waitFor(() => expect(running).toHaveLength(2));
    running[1]?.end("on\n");
    expect((await look).state).toBe("on");
  });

  test("nor does it end the one that is begun in the moment in which the other's was given up", async () => {
    const { it, running } = slow();
    const stop = new AbortController();
    const job = it.read({ withinMs: 5000, signal: stop.signal });
    const look = it.read({ ...bounds, isIdle: true });
    const again = job.catch(async () => await it.read(bounds));
    stop.abort();
    await vi.waitFor(() => expect(running).toHaveLength(2));
    running[1]?.end("on\n");
    expect([(await look).state, (await again).state]).toEqual(["on", "on"]);
    expect(running).toHaveLength(2);
  });

  test("an order that is given again ends none that is under way", async () => {
    const { it, running } = slow();
    const [first, second] = [it.cut(bounds), it.cut(bounds)];
    expect(running.map(({ signal }) => signal.aborted)).toEqual([false, false]);
    for (const { end } of running) end("");
    await Promise.all([first, second]);
  });

  test("an order ends no reading, and one that is broken off ends at once", async () => {
    const { it, running } = slow();
    const stop = new AbortController();
    const reading = it.read({ withinMs: 5000, signal: stop.signal });
    const order = it.cut(bounds);
    expect(running.map(({ signal }) => signal.aborted)).toEqual([false, false]);
    running[1]?.end("");
    await order;
    stop.abort();
    await expect(reading).rejects.toThrow("it was broken off");
  });
});

test("an order that takes longer than one waits for it comes to its end, though it is given again meanwhile", async () => {
  const takesMs = 12_000;
  let nowMs = 0;
  let begunMs: number | null = null;
  const begin =
    (isAnew: boolean) =>
    async (unit: string, { withinMs }: { withinMs: number }) => {
      if (unit.includes("@status")) {
        nowMs += 100;
        return;
      }
      if (begunMs === null || isAnew) begunMs = nowMs;
      const endMs = begunMs + takesMs;
      if (endMs > nowMs + withinMs) {
        nowMs += withinMs;
        throw new Error("systemctl was ended by SIGKILL");
      }
      nowMs = Math.max(nowMs, endMs);
    };
  const isOff = () => begunMs !== null && nowMs >= begunMs + takesMs;
  const it = new CommandDevice(
    { host: "host-a", device: "command", unit: "holdfast-power-host-a@.service", timeoutMs: 30_000 },
    {
      start: begin(false),
      restart: begin(true),
      output: async (_host, action) => (action !== "status" ? "" : isOff() ? "off\n" : "on\n"),
    },
  );
  const clock = {
    bootMs: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  };
  const rest = { withinMs: 30_000, signal, failures: null, onTrouble: () => {}, stillWanted: async () => {} };
  await expect(powerOff(it, { clock, ...rest })).resolves.toMatch(/^host-a, by its fence command is off/);
});

test("systemd is told to begin a reading anew, not to start what may be running; and is not waited for any more when it is broken off", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-systemctl-"));
  try {
    writeFileSync(join(folder, "systemctl"), `#!/bin/sh\necho "$@" >> ${folder}/asked\nexec sleep 60\n`, {
      mode: 0o755,
    });
    vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
    const stop = new AbortController();
    const asked = () => readFileSync(join(folder, "asked"), "utf8");
    const reading = systemdRunner.restart("a.service", { withinMs: 60_000, signal: stop.signal });
    await vi.waitFor(() => expect(asked()).toBe("restart a.service\n"), 10_000);
    const order = systemdRunner.start("b.service", { withinMs: 60_000, signal: stop.signal });
    await vi.waitFor(() => expect(asked()).toBe("restart a.service\nstart b.service\n"), 10_000);
    stop.abort();
    await expect(reading).rejects.toThrow("aborted");
    await expect(order).rejects.toThrow("aborted");
  } finally {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("one that is not wanted any more is not started", async () => {
  const { it, started } = device("on");
  await expect(it.cut({ withinMs: 5000, signal: AbortSignal.abort() })).rejects.toThrow(/broken off/);
  expect(started).toEqual([]);
});
