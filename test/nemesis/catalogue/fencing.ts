/**
 * Power-off fencing on real hosts: the lab's own power switch, behind a program that the hosts run. A frozen host stands in
 * for a paused virtual machine: its kernel goes on, so that what is shown here is that it is dead before its successor signs.
 */
import { HoldfastError } from "../../../contract/errors.ts";
import { initPid, isOn, setFrozen } from "../../../lab/hosts/power.ts";
import { setSwitchMood } from "../../../lab/power-switch/switch.ts";
import { afterMendedMs, failoverMs, fencedAtOnceMs, fencedMs, undisturbedMs } from "../bounds.ts";
import type { Fencing } from "../fencing.ts";
import { lookAt } from "../look.ts";
import { inArea, type Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";

const required: Fencing = { mode: "required" };
const away = 20_000;

/** What must be true of the cluster at this moment, or the scenario has failed. */
function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new HoldfastError("HF_LAB", otherwise);
}

async function untilOff(stage: Stage, host: string, withinMs: number): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (isOn(stage.lab, host) && performance.now() < giveUpAt) await stage.wait(50);
  must(!isOn(stage.lab, host), `${host} was not powered off within ${withinMs / 1000} s`);
}

/** The standby says that it waits for the old host to be off, and why; so do the command line and the metrics. */
async function saysUnproven(stage: Stage): Promise<void> {
  const { standby, active } = stage;
  // The wait, and one whole try.
  const isStuck = await stage.seen(40_000, (all) => all.get(standby)?.fencing?.state === "unproven");
  must(isStuck, `${standby} does not say that it waits for ${active} to be off`);
  const status = await stage.holdfast("status");
  must(status.code === 4, `holdfast status ended with ${status.code}, not 4`);
  must(status.stdout.includes(`${standby} does not take over`), `holdfast status does not say why: ${status.stdout}`);
  const address = stage.lab.hosts.find(({ name }) => name === standby)?.address;
  const metrics = await (await fetch(`http://${address}:2233/metrics`)).text();
  must(/^holdfast_fencing_unproven 1$/m.test(metrics), "the metrics do not say it");
}

const mended = async (stage: Stage) => setSwitchMood(stage.lab, "works");

export const fencing: readonly Scenario[] = inArea("fencing", [
  {
    name: "fenced-poweroff",
    sentence: "Fencing is required, and the holder loses power: its device says that it is off.",
    fencing: required,
    expects: "moves",
    boundMs: fencedMs,
    run: async (stage) => {
      await stage.inject("poweroff", stage.active);
      await stage.wait(away);
      await stage.heal();
    },
  },
  {
    name: "fenced-freeze",
    sentence:
      "Fencing is required, and the holder is frozen: it is powered off, and what is resumed later sends nothing.",
    fencing: required,
    expects: "moves",
    boundMs: fencedMs,
    run: async (stage) => {
      await stage.inject("freeze", stage.active);
      await untilOff(stage, stage.active, fencedMs(stage.limits));
      setFrozen(stage.lab, stage.active, false);
      await stage.wait(15_000);
      must(!isOn(stage.lab, stage.active), `${stage.active} came back by itself`);
      await stage.heal();
    },
  },
  {
    name: "fenced-cut-off",
    sentence:
      "Fencing is required, and the holder is cut off from everything, its device's network too: it is powered off.",
    fencing: required,
    expects: "moves",
    boundMs: (limits) => fencedMs(limits) + limits.lease.leaseMs,
    run: async (stage) => {
      await stage.inject("isolate", stage.active);
      await untilOff(stage, stage.active, fencedMs(stage.limits) + 5000);
      await stage.wait(5000);
      await stage.heal();
    },
  },
  {
    name: "fenced-device-down",
    sentence:
      "Fencing is required, the power device refuses everybody, and the holder loses power: nobody signs, and status says why.",
    fencing: required,
    expects: "silent",
    boundMs: afterMendedMs,
    run: async (stage) => {
      setSwitchMood(stage.lab, "refuses");
      await stage.inject("poweroff", stage.active);
      await saysUnproven(stage);
      await stage.heal();
      // While its device refuses: the host that is back says itself that it holds nothing. One that is mended sooner powers
      // it off once more, for nobody can tell a host that boots from one that runs.
      await stage.seen(60_000, (all) => [...all.values()].some((status) => status?.role === "active"));
    },
    undo: mended,
  },
  {
    name: "fenced-device-silent",
    sentence: "The same with a device that never answers, and is mended while the holder is still off.",
    fencing: required,
    expects: "silent",
    boundMs: (limits) => afterMendedMs(limits) + 15_000,
    run: async (stage) => {
      setSwitchMood(stage.lab, "silent");
      await stage.inject("poweroff", stage.active);
      await stage.wait(30_000);
      must((await lookAt(stage.lab, stage.standby))?.role === "standby", `${stage.standby} took over unproven`);
      setSwitchMood(stage.lab, "works");
      stage.healed();
      await stage.seen(40_000, (all) => all.get(stage.standby)?.role === "active");
    },
    undo: mended,
  },
  {
    name: "fenced-device-stuck",
    sentence:
      "Fencing is required, the device takes the order and does nothing, and the holder is frozen: nobody signs.",
    fencing: required,
    expects: "silent",
    boundMs: afterMendedMs,
    run: async (stage) => {
      setSwitchMood(stage.lab, "stuck");
      await stage.inject("freeze", stage.active);
      await stage.wait(30_000);
      must(isOn(stage.lab, stage.active), "it was powered off all the same");
      await stage.heal();
      await stage.seen(60_000, (all) => [...all.values()].some((status) => status?.role === "active"));
    },
    undo: mended,
  },
  {
    name: "fenced-device-lies",
    sentence:
      "Fencing is required, the device says off and does nothing, and the holder is frozen for 40 s: the lease rule holds by itself.",
    fencing: required,
    expects: "moves",
    boundMs: fencedMs,
    run: async (stage) => {
      setSwitchMood(stage.lab, "lies");
      await stage.inject("freeze", stage.active);
      await stage.wait(40_000);
      await stage.heal();
    },
    undo: mended,
  },
  {
    name: "fence-confirm",
    sentence: "The device is down and the holder off; an operator confirms that it is, and the standby takes over.",
    fencing: required,
    expects: "recovers",
    boundMs: afterMendedMs,
    run: async (stage) => {
      const early = await stage.holdfast("fence", "confirm", stage.active, "--yes");
      must(early.code === 1 && early.stdout.includes("waits for something else"), `too early: ${early.stdout}`);
      setSwitchMood(stage.lab, "refuses");
      await stage.inject("poweroff", stage.active);
      await saysUnproven(stage);
      const other = await stage.holdfast("fence", "confirm", stage.standby, "--yes");
      must(other.code !== 0, "the word for a host that nobody waits for was taken");
      const { code, stdout, stderr } = await stage.holdfast("fence", "confirm", stage.active, "--yes");
      must(code === 0, `holdfast fence confirm: ${stdout}${stderr}`);
      const took = await stage.seen(10_000, (all) => all.get(stage.standby)?.role === "active");
      must(took, `${stage.standby} did not take over`);
      await stage.wait(3000);
      await stage.heal();
    },
    undo: mended,
  },
  {
    name: "fenced-session-destroyed",
    sentence:
      "Somebody destroys the lock's session while fencing is required: the holder says that it holds nothing, and is not powered off.",
    fencing: required,
    expects: "recovers",
    boundMs: afterMendedMs,
    run: async (stage) => {
      const before = initPid(stage.lab, stage.active);
      stage.broken();
      await stage.consul("PUT", `/session/destroy/${await stage.lockSession()}`);
      stage.healed();
      await stage.wait(25_000);
      must(initPid(stage.lab, stage.active) === before, `${stage.active} was powered off`);
    },
  },
  {
    name: "fence-command",
    sentence:
      "`holdfast fence` test, off and on for the standby; off for the holder is refused, and a reading that hangs is no later one's.",
    fencing: required,
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      stage.broken();
      const tested = await stage.holdfast("fence", "test", "--json");
      must(tested.code === 0, `holdfast fence test: ${tested.stdout}${tested.stderr}`);
      setSwitchMood(stage.lab, "silent");
      const hanging = stage.holdfast("fence", "test", "--json");
      await stage.wait(8000);
      setSwitchMood(stage.lab, "works");
      const again = await stage.holdfast("fence", "test", "--json");
      must(again.code === 0, `holdfast fence test beside one that hangs: ${again.stdout}${again.stderr}`);
      must(
        (await hanging).stdout.includes("again meanwhile"),
        `it took another one's answer: ${(await hanging).stdout}`,
      );
      const refused = await stage.holdfast("fence", "off", stage.active, "--yes");
      must(refused.code !== 0 && isOn(stage.lab, stage.active), "the holder was powered off by hand");
      const off = await stage.holdfast("fence", "off", stage.standby, "--yes");
      must(off.code === 0 && !isOn(stage.lab, stage.standby), `holdfast fence off: ${off.stdout}${off.stderr}`);
      const on = await stage.holdfast("fence", "on", stage.standby);
      must(on.code === 0 && isOn(stage.lab, stage.standby), `holdfast fence on: ${on.stdout}${on.stderr}`);
      await stage.heal();
    },
    undo: mended,
  },
  {
    name: "fenced-skip-wait",
    sentence: "With fencingSkipsWait the holder loses power: its device says so, and nobody waits for the lease.",
    fencing: { mode: "required", skipWait: true },
    expects: "moves",
    boundMs: fencedAtOnceMs,
    run: async (stage) => {
      await stage.inject("poweroff", stage.active);
      await stage.wait(away);
      await stage.heal();
    },
  },
  {
    name: "best-effort-device-down",
    sentence:
      "Fencing is bestEffort, its device refuses everybody, and the holder loses power: the standby takes over unproven.",
    fencing: { mode: "bestEffort" },
    expects: "moves",
    // Three failures in a row, each of them a unit that is started.
    boundMs: (limits) => failoverMs(limits) + 5000,
    run: async (stage) => {
      setSwitchMood(stage.lab, "refuses");
      await stage.inject("poweroff", stage.active);
      await stage.wait(30_000);
      const history = await stage.holdfast("history", "--limit", "1", "--json");
      must(history.stdout.includes('"outcome": "unproven"'), `the history does not say it: ${history.stdout}`);
      await stage.heal();
    },
    undo: mended,
  },
]);
