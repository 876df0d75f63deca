import { expect, test } from "vitest";
import { consulKeys } from "../../contract/topology.ts";
import { lockViewFrom } from "../lease/lock-record.ts";
import { sealerFrom } from "../lease/seal.ts";
import type { Effect, Event } from "../role/types.ts";
import type { PowerDevice } from "./device.ts";
import { PowerJobs } from "./power-jobs.ts";

const keys = consulKeys("localnet", "validator.localnet");
const sealer = sealerFrom([], keys.lock);
const entry = { key: keys.lock, value: "", modifyIndex: 50, lockIndex: 4, session: "session-a" };
const lock = lockViewFrom(entry, sealer);

/** @param answers of the device, one after the other; it hangs after the last, until it is broken off */
function world(answers: ("on" | "off" | Error)[], now = entry) {
  const events: Event[] = [];
  const lines: string[] = [];
  const line = (level: string) => (_: object, text: string) => void lines.push(`${level} ${text}`);
  let nowMs = 0;
  const device: PowerDevice = {
    kind: "command",
    pollMs: 500,
    read: async ({ signal }) => {
      const said = answers.shift();
      if (said instanceof Error) throw said;
      if (said !== undefined) return { state: said, because: "the machine" };
      return await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("gone"))));
    },
    cut: async () => {},
    give: async () => {},
  };
  const clock = {
    bootMs: () => nowMs,
    wallMs: () => 1.7e12,
    sleep: async (ms: number) => {
      nowMs += Math.max(1, ms);
    },
  };
  const servers = {
    use: async (ask: (c: unknown) => unknown) => await ask({ readPrefix: async () => ({ index: 9, entries: [now] }) }),
  };
  const partners = { keys, clock, servers, custody: { sealer }, deviceOf: () => device };
  const log = { info: line("info"), warn: line("warn"), error: line("error") };
  const jobs = new PowerJobs(partners as never, log as never, (event) => void events.push(event));
  const job = {
    number: 7,
    host: "host-a",
    term: { epoch: 4, session: null, seq: null, anewMs: 0 },
    sinceMs: 0,
    trouble: null,
  };
  const effect = (what: "look" | "off") =>
    ({ do: "power", job: { ...job, what }, lock, withinMs: 3000, failures: null }) as Extract<Effect, { do: "power" }>;
  return { jobs, effect, events, lines };
}

test("a power-off is told when it begins and when it is shown", async () => {
  const { jobs, effect, events, lines } = world(["on", "off"]);
  await jobs.carryOut(effect("off"));
  expect(lines).toEqual([
    "warn cuts the power of host-a",
    expect.stringMatching(/^warn host-a is off: the machine is off, read \d\.\d s after its power was cut$/),
  ]);
  expect(events).toMatchObject([{ is: "power-seen", job: 7, proof: { outcome: "off" }, isBrokenOff: false }]);
});

test("one that shows nothing is an error, with what went wrong on the way", async () => {
  const { jobs, effect, events, lines } = world(Array.from({ length: 20 }, () => new Error("no route")));
  await jobs.carryOut(effect("off"));
  expect(lines.map((line) => line.split(" ")[0])).toEqual(["warn", "warn", "error"]);
  expect(lines.at(-1)).toBe("error host-a could not be shown to be off: no route (bound: 3 s)");
  expect(events).toMatchObject([
    { is: "power-trouble", job: 7 },
    { is: "power-seen", isBrokenOff: false },
  ]);
});

test("one that is not wanted any more is no error", async () => {
  const { jobs, effect, events, lines } = world(["on"]);
  const end = jobs.carryOut(effect("off"));
  await new Promise((resolve) => setTimeout(resolve, 10));
  jobs.abandon(7);
  await end;
  expect(lines.at(-1)).toMatch(/^info the power of host-a need not be cut any more: /);
  expect(events.at(-1)).toMatchObject({ is: "power-seen", isBrokenOff: true, proof: { outcome: "unproven" } });
});

test("nor is one whose lock has moved", async () => {
  const { jobs, effect, lines } = world(["on"], { ...entry, modifyIndex: 51 });
  await jobs.carryOut(effect("off"));
  expect(lines.at(-1)).toBe(
    "info the power of host-a need not be cut any more: the lock has moved since: nobody is powered off",
  );
});

test("a look tells nothing of a host that is on: there is one each second", async () => {
  const { jobs, effect, lines } = world(["on"]);
  await jobs.carryOut(effect("look"));
  expect(lines).toEqual([]);
});
