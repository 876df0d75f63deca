/** What people do: switchovers that are interrupted or meet trouble, pauses, upgrades, half a `pulumi up`. */

import { paths, units } from "../../../contract/paths.ts";
import { bundleOnHost } from "../../scenarios/cluster.ts";
import { startForeignValidator } from "../../scenarios/foreign-validator.ts";
import {
  afterHealMs,
  failoverMs,
  failoverWithElectionMs,
  lostSessionMs,
  switchoverMs,
  tamperedAfterHealMs,
  undisturbedMs,
} from "../bounds.ts";
import { killedUp, upAgain } from "../killed-up.ts";
import { inArea, type Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";

const go = (stage: Stage, to = stage.standby) =>
  stage.holdfast("switchover", "--yes", "--heard-timeout", "0", "--to", to);

/** Asks for a switchover, and lets `trouble` happen as soon as the holder has begun with it. */
async function interrupted(stage: Stage, trouble: () => Promise<void>): Promise<void> {
  const asked = go(stage);
  await stage.seen(10_000, (statuses) => statuses.get(stage.active)?.switchover != null);
  await trouble();
  await asked;
}

/** @throws Error when it was not refused */
async function refused(stage: Stage): Promise<void> {
  const { code, stdout } = await go(stage);
  if (code === 0) throw new Error(`the switchover was not refused: ${stdout}`);
}

/** Takes all the room in the host's /run, a tmpfs. */
const filler = "/run/lab-filler";

/** The host's own firewall, which went with all rules. */
async function restoreFirewall(stage: Stage): Promise<void> {
  await stage.on(stage.active, `systemctl reload ${units.firewall}`);
}

export const operator: readonly Scenario[] = inArea("operator", [
  {
    name: "switchover",
    sentence: "A planned switchover, and nothing else.",
    expects: "moves",
    heard: true,
    boundMs: switchoverMs,
    run: async (stage) => {
      stage.broken();
      await go(stage);
      await stage.wait(4000);
    },
  },
  {
    name: "switchover-holder-killed",
    sentence: "The holder's agent is killed as soon as it has begun to hand over.",
    expects: "either",
    boundMs: failoverMs,
    run: (stage) => interrupted(stage, () => stage.inject("kill-agent", stage.active)),
  },
  {
    name: "switchover-holder-loses-power",
    sentence: "The holder loses power as soon as it has begun to hand over.",
    expects: "moves",
    boundMs: failoverMs,
    run: (stage) => interrupted(stage, () => stage.inject("poweroff", stage.active)),
  },
  {
    name: "switchover-holder-and-leader-lost",
    sentence: "The holder is Consul's leader too, and loses power as soon as it has begun to hand over.",
    expects: "moves",
    boundMs: failoverMs,
    run: async (stage) => {
      await stage.leadBy(stage.active);
      await interrupted(stage, () => stage.inject("poweroff", stage.active));
    },
  },
  {
    name: "switchover-successor-killed",
    sentence: "The successor's agent is killed as soon as the holder has begun to hand over.",
    expects: "either",
    boundMs: failoverMs,
    run: (stage) => interrupted(stage, () => stage.inject("kill-agent", stage.standby)),
  },
  {
    name: "switchover-successor-loses-power",
    sentence: "The successor loses power as soon as the holder has begun to hand over, for 10 s.",
    expects: "recovers",
    boundMs: afterHealMs,
    run: async (stage) => {
      await interrupted(stage, () => stage.inject("poweroff", stage.standby));
      await stage.wait(10_000);
      await stage.heal();
    },
  },
  {
    name: "switchover-holder-cut-off",
    sentence: "The holder is cut off from the other hosts as soon as it has begun to hand over.",
    expects: "either",
    boundMs: failoverWithElectionMs,
    run: async (stage) => {
      await interrupted(stage, () => stage.inject("partition", stage.active));
      await stage.wait(12_000);
      await stage.heal();
    },
  },
  {
    name: "switchover-during-a-partition",
    sentence: "The standby has been cut off for 3 s when a switchover to it is asked for.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      await stage.inject("partition", stage.standby);
      await stage.wait(3000);
      await go(stage);
      await stage.heal();
    },
  },
  {
    name: "switchover-key-finds-no-room",
    sentence:
      "The successor has no free byte in /run when the key is to be put there: it gives the lock back, and nobody calls it done.",
    expects: "either",
    boundMs: failoverWithElectionMs,
    run: async (stage) => {
      await stage.breakBy(stage.standby, `dd if=/dev/zero of=${filler} bs=4k 2>/dev/null; test -s ${filler}`);
      const { code, stdout } = await go(stage);
      if (code === 0) throw new Error(`a switchover that did not happen was called done: ${stdout}`);
      await stage.on(stage.standby, `rm ${filler}`);
      await stage.wait(4000);
    },
    undo: async (stage) => void (await stage.on(stage.standby, `rm -f ${filler}`)),
  },
  {
    name: "rules-flushed",
    sentence: "Somebody flushes all packet filter rules of the holder, the fence with them.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      await stage.breakBy(stage.active, "nft flush ruleset");
      await stage.wait(3000);
      const table = await stage.on(stage.active, "nft list table inet holdfast");
      if (!table.includes("ct mark set 0x48")) throw new Error(`the fence did not come back: ${table}`);
    },
    undo: restoreFirewall,
  },
  {
    name: "rules-flushed-agent-killed",
    sentence:
      "All packet filter rules of the holder are flushed, and its agent is killed in the same moment: nothing would end with the lease.",
    expects: "moves",
    boundMs: failoverMs,
    run: async (stage) => {
      await stage.breakBy(stage.active, "systemctl kill --signal=KILL holdfastd.service; nft flush ruleset");
      await stage.wait(8000);
    },
    undo: restoreFirewall,
  },
  {
    name: "switchover-successor-dead",
    sentence: "The standby is off when a switchover to it is asked for: refused.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      await stage.inject("poweroff", stage.standby);
      await stage.wait(2000);
      await refused(stage);
      await stage.heal();
    },
  },
  {
    name: "switchover-successor-unsynced",
    standInOnly: true,
    sentence: "The standby's neard does not advance when a switchover to it is asked for: refused.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      await stage.inject("neard-stall", stage.standby);
      await stage.wait(stage.limits.maxHeadAgeMs + 4000);
      await refused(stage);
      await stage.heal();
    },
  },
  {
    name: "switchover-successor-behind",
    standInOnly: true,
    sentence:
      "The standby's neard has not seen the holder's last blocks when the key is handed to it: it waits for them.",
    expects: "moves",
    boundMs: failoverMs,
    run: async (stage) => {
      await stage.inject("neard-stall", stage.standby);
      await stage.wait(2000);
      const asked = go(stage);
      const waits = await stage.seen(10_000, (statuses) =>
        (statuses.get(stage.standby)?.because ?? "").includes("has not seen block"),
      );
      await stage.heal();
      await asked;
      if (!waits) throw new Error(`${stage.standby} did not wait for the blocks that its neard had not seen`);
      await stage.wait(4000);
    },
  },
  {
    name: "two-switchovers-at-once",
    sentence: "Two operators ask for the same switchover at the same moment.",
    expects: "moves",
    heard: true,
    boundMs: switchoverMs,
    run: async (stage) => {
      stage.broken();
      await Promise.all([go(stage), go(stage)]);
      await stage.wait(4000);
    },
  },
  {
    name: "switchovers-back-and-forth",
    sentence: "Six switchovers, each asked for as soon as the last one is over.",
    expects: "either",
    boundMs: failoverMs,
    run: async (stage) => {
      stage.broken();
      for (let round = 0; round < 6; round++) {
        await go(stage, round % 2 === 0 ? stage.standby : stage.active);
        await stage.wait(500);
      }
    },
  },
  {
    name: "pause-then-crash",
    sentence: "The cluster is paused, then the holder loses power: nobody takes over until resume.",
    expects: "silent",
    // The dead holder's session may run out meanwhile, and then the lock-delay keeps even a resumed standby waiting.
    boundMs: lostSessionMs,
    run: async (stage) => {
      await stage.holdfast("pause", "--reason", "nemesis");
      await stage.inject("poweroff", stage.active);
      await stage.wait(18_000);
      await stage.holdfast("resume");
      stage.healed();
      await stage.wait(2000);
    },
    undo: async (stage) => void (await stage.holdfast("resume")),
  },
  {
    name: "two-agents-side-by-side",
    sentence: "A second agent, of another version, is started by hand on the holder beside the first.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      const second = "/run/second-holdfastd.cjs";
      const start = `cp $(${bundleOnHost}) ${second} && echo '// another version' >> ${second}`;
      const run = `CREDENTIALS_DIRECTORY=/run/credentials/holdfastd.service timeout 15 ${paths.node} ${second} run`;
      await stage.breakBy(stage.active, `${start}; ${run} > /run/second.log 2>&1 || true; tail -3 /run/second.log`);
      await stage.wait(4000);
    },
  },
  {
    name: "pulumi-up-killed",
    sentence: "`pulumi up` with a changed setting of neard is killed half way, and run again.",
    expects: "recovers",
    boundMs: switchoverMs,
    run: async (stage) => {
      stage.broken();
      await killedUp(stage);
      await stage.wait(8000);
      stage.healed();
    },
    undo: upAgain,
  },
  {
    name: "same-account-elsewhere",
    sentence:
      "Another deployment signs with the same key while this one, its lock deleted, is to activate as if for the first time.",
    expects: "recovers",
    boundMs: tamperedAfterHealMs,
    run: besideAnotherDeployment,
    strangers: (stage) => [stage.lab.gateway],
  },
]);

/** As of a new deployment: no lock yet, and somebody else signs. Ours has to wait until that one is gone. */
async function besideAnotherDeployment(stage: Stage): Promise<void> {
  // Paused, so that no standby is faster than the other validator.
  await stage.holdfast("pause", "--reason", "nemesis");
  stage.broken();
  await stage.consul("DELETE", `/kv/${stage.lockKey}`);
  await stage.seen(20_000, (statuses) => statuses.get(stage.active)?.role === "standby");
  const other = await startForeignValidator();
  try {
    await stage.wait(4000);
    await stage.holdfast("resume");
    await stage.wait(20_000);
  } finally {
    await other.stop();
    stage.healed();
    await stage.holdfast("resume");
  }
}
