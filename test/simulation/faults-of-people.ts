/** What operators do, at the worst moments. */

import type { Cluster } from "./cluster.ts";
import { keys } from "./cluster-names.ts";
import { type FaultKind, onHost } from "./fault.ts";

export const peopleFaults: Record<string, FaultKind> = {
  switchover: {
    weight: 5,
    draw: (random) => ({
      how: random.pick(["to any", "to any", "in a window", "to host-a", "to host-b", "to host-c"]),
      amount: random.whole(1, 2),
    }),
    strike: (cluster, { how = "to any", amount = 1 }) => {
      const said: string[] = [];
      for (let i = 0; i < amount; i += 1) said.push(...askAll(cluster, how));
      return said.length === 0 ? null : `switchover ${how}: ${said.join(", ")}`;
    },
  },
  pause: {
    weight: 1,
    draw: (random) => ({ forMs: Math.round(random.between(1000, 60_000)) }),
    strike: (cluster, { forMs = 0, atMs }) => {
      if (!cluster.consul.change((store) => store.put(keys.pause, `pause ${atMs}`))) return null;
      cluster.timeline.after(forMs, () => cluster.consul.change((store) => store.delete(keys.pause)));
      return `the cluster is paused, ${forMs} ms`;
    },
  },
  "start-neard": onHost(1, "systemctl start neard", (host) => {
    if (host.hasNeard) host.neard.start();
  }),
  "restart-neard": onHost(1, "systemctl restart neard", (host) => {
    if (host.hasNeard) host.neard.kill(() => host.neard.start());
  }),
  "sighup-neard": onHost(1, "SIGHUP to neard", (host) => host.neard.sighup()),
};

/** The command goes to whichever host believes to be active. */
function askAll(cluster: Cluster, how: string): string[] {
  return cluster.hosts
    .filter((host) => host.phase === "active" && host.agentUnit.process?.isPaused === false)
    .map((host) => {
      const to = how.startsWith("to host") ? { to: how.slice(3) } : {};
      void host.agent?.switchover({ ...to, window: how === "in a window" });
      return host.name;
    });
}
