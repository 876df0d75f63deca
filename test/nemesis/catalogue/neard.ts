/** A neard that is sick, or handled by somebody else than its agent. */
import { afterHealMs, failoverMs, givesWayMs, type Limits, undisturbedMs } from "../bounds.ts";
import { fault, inArea, type Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";

const config = "/var/lib/neard/config.json";

/** Until the agent of `host` has no lease any more. */
async function demoted(stage: Stage, host: string): Promise<void> {
  await stage.seen(20_000, (statuses) => statuses.get(host)?.lease === null);
}

async function switchover(stage: Stage): Promise<void> {
  stage.broken();
  // It may be refused or fail: what counts is what becomes of the key.
  await stage.holdfast("switchover", "--yes", "--heard-timeout", "0", "--to", stage.standby);
}

/** Puts the holder's key where the standby's neard would find it, as a careless hand might. */
async function leaveKeyOnStandby(stage: Stage, then = ""): Promise<void> {
  const key = await stage.on(stage.active, `cat ${stage.keyFile}`);
  // The agent may take it away before it is complete.
  const write = `install -o neard -g neard -m 400 /dev/stdin ${stage.keyFile} || true`;
  await stage.breakBy(stage.standby, write + then, key);
}

/** As one that was far behind does; another number each time. The file stays: without it neard would do so once more. */
const reexecute = () => `echo '{"reexec":${Date.now()}}' > /var/lib/neard/lab-options.json`;

const byHand = 6000;

export const neard: readonly Scenario[] = inArea("neard", [
  {
    name: "neard-ignores-sigterm",
    standInOnly: true,
    sentence: "The holder's neard ignores SIGTERM, and a switchover is asked for.",
    expects: "moves",
    heard: true,
    boundMs: givesWayMs(() => 1000),
    run: async (stage) => {
      await stage.inject("neard-ignore-sigterm", stage.active);
      await switchover(stage);
      await stage.wait(byHand);
      await stage.heal();
    },
  },
  fault("neard-hang", "active", 25_000, {
    name: "neard-hangs",
    sentence: "The holder's neard accepts connections and never answers, for 25 s.",
    expects: "moves",
    heard: true,
    boundMs: givesWayMs(({ hungMs }) => hungMs + 2000),
  }),
  fault("neard-stall", "active", 60_000, {
    name: "neard-stalls",
    standInOnly: true,
    sentence: "The holder's neard answers but no longer advances, for 60 s.",
    expects: "moves",
    boundMs: givesWayMs(({ hungMs, maxHeadAgeMs }: Limits) => maxHeadAgeMs + hungMs + 1000),
  }),
  {
    name: "neard-keeps-the-key",
    standInOnly: true,
    sentence: "The holder's neard rejects every reload, and a switchover is asked for: only its death is proof.",
    expects: "moves",
    heard: true,
    boundMs: givesWayMs(() => 3000),
    run: async (stage) => {
      await stage.inject("neard-reject-reload", stage.active);
      await switchover(stage);
      await stage.wait(byHand);
      await stage.heal();
    },
  },
  {
    name: "neard-reexecutes",
    sentence: "The holder's neard re-executes itself: the same pid, another program, and the key is on the disk.",
    expects: "moves",
    boundMs: givesWayMs(() => 3000),
    run: async (stage) => {
      await stage.wait(3000);
      await stage.breakBy(stage.active, reexecute());
      await stage.wait(byHand);
    },
  },
  {
    name: "successor-reexecutes",
    sentence: "The standby's neard re-executes itself while the key is handed to it: no SIGHUP may meet it deaf.",
    expects: "either",
    boundMs: failoverMs,
    run: async (stage) => {
      await stage.breakBy(stage.standby, reexecute());
      await switchover(stage);
      await stage.wait(byHand);
    },
  },
  {
    name: "neard-configuration-broken",
    sentence: "The holder's config.json is broken, and a switchover is asked for.",
    expects: "moves",
    boundMs: givesWayMs(() => 3000),
    run: async (stage) => {
      await stage.breakBy(stage.active, `cp -a ${config} ${config}.kept && echo broken > ${config}`);
      await switchover(stage);
      await stage.wait(byHand);
    },
    undo: async (stage) => {
      await stage.on(stage.active, `test ! -e ${config}.kept || mv ${config}.kept ${config}`);
      stage.healed();
    },
  },
  {
    name: "successor-rejects-reload",
    standInOnly: true,
    sentence: "The holder loses power while the standby's neard rejects every reload: nobody can validate.",
    expects: "recovers",
    boundMs: (limits) => afterHealMs(limits) + limits.lease.lockDelayMs,
    run: async (stage) => {
      await stage.inject("neard-reject-reload", stage.standby);
      await stage.inject("poweroff", stage.active);
      await stage.wait(25_000);
      await stage.heal();
    },
  },
  {
    name: "start-by-hand",
    sentence: "Somebody runs `systemctl start neard` on the holder, where it runs already.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      await stage.breakBy(stage.active, "systemctl start neard");
      await stage.wait(byHand);
    },
  },
  {
    name: "restart-by-hand",
    sentence: "Somebody runs `systemctl restart neard` on the holder: the new process has no key.",
    expects: "moves",
    heard: true,
    boundMs: givesWayMs(() => 1000),
    run: async (stage) => {
      // The agent may kill the new one while systemctl still waits for it.
      await stage.breakBy(stage.active, "systemctl restart neard || true");
      await stage.wait(byHand);
    },
  },
  {
    name: "start-by-hand-when-fenced",
    sentence: "The holder is cut off, has lost its lease, and somebody starts neard there and sends it SIGHUP.",
    expects: "moves",
    boundMs: failoverMs,
    run: async (stage) => {
      await stage.inject("partition", stage.active);
      await demoted(stage, stage.active);
      for (let tries = 0; tries < 5; tries++) {
        await stage.on(stage.active, "systemctl start neard; systemctl kill -s HUP neard || true");
        await stage.wait(1000);
      }
      await stage.heal();
    },
  },
  {
    name: "sighup-by-hand",
    sentence: "Somebody sends SIGHUP to both neards, three times.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      for (let times = 0; times < 3; times++) {
        for (const host of [stage.active, stage.standby]) await stage.breakBy(host, "systemctl kill -s HUP neard");
        await stage.wait(1500);
      }
    },
  },
  {
    name: "key-left-in-the-home",
    sentence: "Somebody left a copy of the key in the standby's neard home, and restarts neard there.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      const key = await stage.on(stage.active, `cat ${stage.keyFile}`);
      const file = "/var/lib/neard/validator_key.json";
      await stage.breakBy(stage.standby, `cat > ${file} && chown neard:neard ${file} && systemctl restart neard`, key);
      await stage.wait(byHand);
    },
    undo: async (stage) => void (await stage.on(stage.standby, "rm -f /var/lib/neard/validator_key.json")),
  },
  {
    name: "key-left-and-sighup-at-once",
    sentence: "Somebody puts the key where the standby's neard looks for it, and sends it SIGHUP in the same breath.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      await leaveKeyOnStandby(stage, "; systemctl kill -s HUP neard");
      await stage.wait(byHand);
    },
    undo: async (stage) => void (await stage.on(stage.standby, `rm -f ${stage.keyFile}; systemctl restart neard`)),
  },
  {
    name: "key-left-on-the-standby",
    sentence: "Somebody left the key where the standby's neard looks for it, and sends it SIGHUP 2 s later.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      await leaveKeyOnStandby(stage);
      await stage.wait(2000);
      await stage.on(stage.standby, "systemctl kill -s HUP neard");
      await stage.wait(byHand);
    },
    undo: async (stage) => void (await stage.on(stage.standby, `rm -f ${stage.keyFile}; systemctl restart neard`)),
  },
]);
