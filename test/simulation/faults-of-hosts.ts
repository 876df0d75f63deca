/** What can happen to one machine and the programs on it. */
import { type FaultKind, onHost, targetOf } from "./fault.ts";

const hourMs = 3_600_000;

export const hostFaults: Record<string, FaultKind> = {
  "pause-agent": onHost(3, "the agent stands still", (host, forMs) => host.agentUnit.pause(forMs)),
  "pause-agent-amid": onHost(4, "the agent stands still between deciding and doing", (host, forMs) =>
    host.agentUnit.pauseAtEdge(forMs),
  ),
  "kill-agent": onHost(2, "the agent is killed; starts again after", (host, forMs) =>
    host.agentUnit.crash(Math.min(forMs, 15_000)),
  ),
  "kill-neard": onHost(2, "neard is killed", (host) => host.neard.kill(() => {})),
  "kill-both": onHost(1, "agent and neard are killed; agent starts again after", (host, forMs) => {
    host.neard.kill(() => {});
    host.agentUnit.crash(Math.min(forMs, 15_000));
  }),
  "power-off": onHost(
    2,
    "power off",
    (host, forMs, cluster) => {
      host.powerOff();
      cluster.timeline.after(forMs, () => host.powerOn());
    },
    true,
  ),
  freeze: onHost(2, "everything on it stands still", (host, forMs) => host.freeze(forMs)),
  suspend: onHost(1, "suspended: the kernel's timers stand still too", (host, forMs) => host.suspend(forMs)),
  "undead-neard": onHost(1, "neard cannot be killed", (host, forMs, cluster) => {
    host.neard.troubles.undeadUntilMs = cluster.timeline.nowMs + forMs;
  }),
  "hung-neard": onHost(1, "neard hangs", (host, forMs, cluster) => {
    host.neard.troubles.hangsUntilMs = cluster.timeline.nowMs + forMs;
  }),
  "stubborn-neard": onHost(2, "neard rejects reloads and keeps what it has", (host, forMs, cluster) => {
    host.neard.troubles.rejectsReloads = true;
    cluster.timeline.after(forMs, () => {
      host.neard.troubles.rejectsReloads = false;
    });
  }),
  "reexecuted-neard": onHost(2, "neard wipes its data and re-executes itself", (host) => host.neard.reexecute()),
  "no-exec-start-pre": onHost(1, "neard's unit leaves a key file where it is", (host, forMs, cluster) => {
    host.neard.troubles.startsWithKey = true;
    cluster.timeline.after(forMs, () => {
      host.neard.troubles.startsWithKey = false;
    });
  }),
  "slow-neard": onHost(1, "neard starts and reloads five times slower", (host, forMs, cluster) => {
    host.neard.troubles.slowness = 5;
    cluster.timeline.after(forMs, () => {
      host.neard.troubles.slowness = 1;
    });
  }),
  "stalled-nft": onHost(2, "nft stands still", (host, forMs, cluster) => {
    host.kernel.stalledUntilMs = cluster.timeline.nowMs + forMs;
  }),
  "full-disk": onHost(1, "the lease cannot be saved", (host, forMs, cluster) => {
    host.agentUnit.isDiskFull = true;
    cluster.timeline.after(forMs, () => {
      host.agentUnit.isDiskFull = false;
    });
  }),
  "step-clock": {
    weight: 1,
    draw: (random) => ({
      on: random.pick(["holder", "holder", "standby"] as const),
      amount: random.pick([-hourMs, hourMs, -2000, 2000]),
    }),
    strike: (cluster, { on, amount = 0 }) => {
      const host = targetOf(cluster, on);
      if (host === null || host.clock.isPaused || (amount < 0 && host.isLateFed)) return null;
      host.clock.stepWall(amount);
      cluster.witness.changed(host.index);
      return `${host.name}: the wall clock is set by ${amount} ms`;
    },
  },
  "stop-clock": {
    weight: 1,
    draw: (random) => ({ on: "holder", forMs: Math.round(random.between(1000, 60_000)) }),
    strike: (cluster, { on, forMs = 0 }) => {
      const host = targetOf(cluster, on);
      if (host === null || host.clock.isPaused || host.isLateFed) return null;
      host.clock.stopWall();
      cluster.witness.changed(host.index);
      cluster.timeline.after(forMs, () => {
        host.restartWallClock();
      });
      return `${host.name}: the wall clock stands still, ${forMs} ms`;
    },
  },
};
