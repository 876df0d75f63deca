/** A host as a whole: power, reboot, standing still. */
import { afterHealMs, failoverMs, switchoverMs, undisturbedMs } from "../bounds.ts";
import { fault, inArea, type Scenario } from "../scenario.ts";

const away = 14_000;
/** A take-over begins at 7 s, and its address is answered for for 12 s (agent/address/). */
const backEarly = 8000;

export const host: readonly Scenario[] = inArea("host", [
  fault("poweroff", "active", away, {
    name: "poweroff",
    sentence: "The holder loses power for 14 s; its successor answers for its address.",
    expects: "moves",
    boundMs: failoverMs,
    heard: true,
  }),
  fault("poweroff", "active", backEarly, {
    name: "poweroff-back-early",
    sentence: "The holder loses power for 8 s: it comes back while its successor answers for its address.",
    expects: "moves",
    boundMs: failoverMs,
    heard: true,
  }),
  {
    name: "poweroff-consul-leader",
    sentence: "The holder is Consul's leader too, and loses power for 14 s.",
    expects: "moves",
    boundMs: failoverMs,
    heard: true,
    run: async (stage) => {
      await stage.leadBy(stage.active);
      await stage.inject("poweroff", stage.active);
      await stage.wait(away);
      await stage.heal();
    },
  },
  fault("poweroff", "standby", away, {
    name: "poweroff-standby",
    sentence: "The standby loses power for 14 s.",
    expects: "stays",
    boundMs: undisturbedMs,
  }),
  fault("poweroff", "arbiter", away, {
    name: "poweroff-arbiter",
    sentence: "The arbiter loses power for 14 s.",
    expects: "stays",
    boundMs: undisturbedMs,
  }),
  {
    name: "poweroff-holder-and-arbiter",
    sentence: "Holder and arbiter lose power for 20 s: no quorum, so the standby must not act.",
    expects: "silent",
    boundMs: afterHealMs,
    run: async (stage) => {
      await stage.inject("poweroff", stage.arbiter);
      await stage.inject("poweroff", stage.active);
      await stage.wait(20_000);
      await stage.heal();
    },
  },
  {
    name: "poweroff-all",
    sentence: "All hosts lose power within a second, for 5 s.",
    expects: "recovers",
    boundMs: afterHealMs,
    run: async (stage) => {
      for (const name of stage.hosts) await stage.inject("poweroff", name);
      await stage.wait(5000);
      await stage.heal();
    },
  },
  fault("reboot", "active", away, {
    name: "reboot",
    sentence: "The holder is rebooted in order: it hands over first.",
    expects: "moves",
    boundMs: switchoverMs,
    heard: true,
  }),
  {
    name: "reboot-consul-leader",
    sentence: "The holder is Consul's leader too, and is rebooted in order.",
    expects: "moves",
    boundMs: switchoverMs,
    heard: true,
    run: async (stage) => {
      await stage.leadBy(stage.active);
      await stage.inject("reboot", stage.active);
      await stage.wait(away);
      await stage.heal();
    },
  },
  fault("power-cycle", "active", away, {
    name: "fast-reboot",
    sentence: "The holder loses power for an instant and boots within the standby's wait.",
    expects: "either",
    boundMs: failoverMs,
  }),
  fault("freeze", "active", 5000, {
    name: "freeze-5s",
    sentence: "All processes of the holder stand still for 5 s (cgroup freezer).",
    expects: "either",
    boundMs: failoverMs,
  }),
  fault("freeze", "active", 60_000, {
    name: "freeze-60s",
    sentence: "All processes of the holder stand still for 60 s, then go on as if nothing had been.",
    expects: "moves",
    boundMs: failoverMs,
  }),
  fault("freeze", "standby", 20_000, {
    name: "freeze-standby",
    sentence: "All processes of the standby stand still for 20 s; on waking it must not act on what it saw before.",
    expects: "stays",
    boundMs: undisturbedMs,
  }),
]);
