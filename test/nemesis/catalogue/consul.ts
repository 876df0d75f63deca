/** Consul's servers: leaders, quorum, restarts, members that leave. What is in Consul: consul-data.ts. */

import { afterHealMs, lostSessionMs, quorumLostMs, undisturbedMs } from "../bounds.ts";
import { inArea, type Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { onConsuls, settleMs, stabilizeMs } from "./consul-service.ts";

async function killLeader(stage: Stage, leader: string): Promise<void> {
  await stage.leadBy(leader);
  await stage.inject("kill-consul", leader);
  await stage.wait(settleMs);
  await stage.heal();
}

export const consul: readonly Scenario[] = inArea("consul", [
  {
    name: "leader-killed",
    sentence: "Consul's leader, on the arbiter, is killed.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: (stage) => killLeader(stage, stage.arbiter),
  },
  {
    name: "leader-killed-on-holder",
    sentence: "Consul's leader, on the holder, is killed.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: (stage) => killLeader(stage, stage.active),
  },
  {
    name: "leader-stopped",
    sentence: "Consul's leader, on the arbiter, is stopped (SIGSTOP) for 20 s: its requests hang.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      await stage.leadBy(stage.arbiter);
      await stage.inject("stop-consul", stage.arbiter);
      await stage.wait(20_000);
      await stage.heal();
    },
  },
  {
    name: "elections-in-a-row",
    sentence: "Whoever leads Consul is killed, four times, 6 s apart.",
    expects: "recovers",
    boundMs: afterHealMs,
    run: async (stage) => {
      for (let round = 0; round < 4; round++) {
        const leader = await leaderOf(stage);
        if (leader !== null) await stage.inject("kill-consul", leader);
        await stage.wait(6000);
      }
      stage.healed();
    },
  },
  {
    name: "two-of-three-down",
    sentence: "The Consul servers of standby and arbiter are stopped for 20 s: no quorum, the lease runs out.",
    expects: "silent",
    boundMs: afterHealMs,
    run: async (stage) => {
      await onConsuls(stage, [stage.standby, stage.arbiter], "stop");
      await stage.wait(20_000);
      await onConsuls(stage, [stage.standby, stage.arbiter], "start");
      stage.healed();
    },
    undo: (stage) => onConsuls(stage, stage.hosts, "start"),
  },
  {
    name: "all-restarted",
    sentence: "All three Consul servers are restarted at once.",
    expects: "either",
    boundMs: quorumLostMs,
    run: async (stage) => {
      await onConsuls(stage, stage.hosts, "restart");
      await stage.wait(settleMs);
    },
  },
  {
    name: "all-killed",
    sentence: "All three Consul servers are killed within a second.",
    expects: "either",
    boundMs: quorumLostMs,
    run: async (stage) => {
      for (const host of stage.hosts) await stage.inject("kill-consul", host);
      await stage.wait(settleMs);
    },
  },
  {
    name: "rolling-restart",
    sentence: "The Consul servers are restarted one after the other, 12 s apart, the leader last.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      await stage.leadBy(stage.arbiter);
      for (const host of [stage.standby, stage.active, stage.arbiter]) {
        await onConsuls(stage, [host], "restart");
        await stage.wait(stabilizeMs);
      }
    },
  },
  {
    name: "leave-on-holder",
    sentence: "Somebody runs `consul leave` on the holder: its node, and with it the lock's session, is gone.",
    expects: "either",
    boundMs: lostSessionMs,
    run: async (stage) => {
      stage.broken();
      await stage.consul("PUT", "/agent/leave", { through: stage.active });
      await stage.wait(settleMs);
    },
    undo: (stage) => onConsuls(stage, [stage.active], "start"),
  },
  {
    name: "force-leave-holder",
    sentence: "The holder's Consul is stopped, and somebody removes its node by `consul force-leave`.",
    expects: "either",
    boundMs: lostSessionMs,
    run: async (stage) => {
      await onConsuls(stage, [stage.active], "stop");
      await stage.wait(8000);
      await stage.consul("PUT", `/agent/force-leave/${stage.active}`);
      await stage.wait(settleMs);
      await onConsuls(stage, [stage.active], "start");
      stage.healed();
    },
    undo: (stage) => onConsuls(stage, [stage.active], "start"),
  },
]);

async function leaderOf(stage: Stage): Promise<string | null> {
  let found: string | null = null;
  await stage.seen(8000, (statuses) => {
    found = [...statuses.values()].find((status) => status?.consul.isLeader)?.host ?? null;
    return found !== null;
  });
  return found;
}
