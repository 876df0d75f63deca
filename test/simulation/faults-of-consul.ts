/** What can happen between the hosts, to Consul's servers and to its data. */

import type { Cluster } from "./cluster.ts";
import { keys } from "./cluster-names.ts";
import type { Snapshot } from "./consul/store.ts";
import { drawMs, drawTarget, type Fault, type FaultKind, onHost, targetOf } from "./fault.ts";

export const networkFaults: Record<string, FaultKind> = {
  cut: {
    weight: 5,
    draw: (random) => ({
      on: drawTarget(random),
      forMs: drawMs(random),
      how: random.pick(["both ways", "both ways", "out", "in"]),
    }),
    strike: (cluster, { on, forMs = 0, how }) => {
      const host = targetOf(cluster, on);
      if (host === null) return null;
      cut(
        cluster,
        cluster.hosts.map((_, i) => [host.index, i] as const),
        how,
        forMs,
      );
      return `${host.name}: cut off (${how}), ${forMs} ms`;
    },
  },
  "cut-pair": {
    weight: 3,
    draw: (random) => ({
      on: random.pick([0, 1, 2] as const),
      amount: random.whole(1, 2),
      forMs: drawMs(random),
      how: random.pick(["both ways", "out", "in"]),
    }),
    strike: (cluster, { on, amount = 1, forMs = 0, how }) => {
      const from = on as number;
      const to = (from + amount) % cluster.hosts.length;
      cut(cluster, [[from, to]], how, forMs);
      return `${cluster.hosts[from]?.name} and ${cluster.hosts[to]?.name}: cut (${how}), ${forMs} ms`;
    },
  },
  loss: whileOn(2, "of packets are lost", [0.02, 0.1, 0.3], (cluster, amount) => {
    cluster.network.lossRate = amount;
  }),
  delay: whileOn(2, "ms more for a packet", [50, 500, 2000, 8000], (cluster, amount) => {
    cluster.network.slowMs = amount;
  }),
  copies: whileOn(2, "of requests come twice", [0.05, 0.5], (cluster, amount) => {
    cluster.network.copyRate = amount;
  }),
  "slow-consul": whileOn(1, "ms more for a commit", [100, 1500, 4000], (cluster, amount) => {
    cluster.consul.servers.slowCommitMs = amount;
  }),
  "depose-leader": {
    weight: 2,
    draw: () => ({}),
    strike: (cluster) => {
      cluster.consul.elections.depose();
      return "Consul's leader gives up its office";
    },
  },
  "stop-consul": onConsul(3, "Consul is killed", (cluster, host, forMs) => {
    cluster.consul.stop(host);
    cluster.timeline.after(forMs, () => {
      if (cluster.hosts[host]?.isPowered && !cluster.hosts[host].clock.isPaused) cluster.consul.start(host);
    });
  }),
  "lost-rights": onHost(
    2,
    "its token has lost its rights",
    (host, forMs, cluster) => cluster.consul.deny(host.index, forMs),
    true,
  ),
  "pause-consul": onConsul(3, "Consul stands still", (cluster, host, forMs) => cluster.consul.pause(host, forMs)),
};

export const dataFaults: Record<string, FaultKind> = {
  "destroy-session": {
    weight: 2,
    draw: () => ({}),
    strike: (cluster) => {
      const session = cluster.consul.store.entry(keys.lock)?.session ?? null;
      if (session === null) return null;
      const isDone = cluster.consul.change((store) => store.endSession(session, cluster.consul.memory));
      return isDone ? "the lock's session is destroyed" : null;
    },
  },
  "delete-lock": {
    weight: 1,
    draw: () => ({}),
    strike: (cluster) => {
      if (!cluster.consul.change((store) => store.delete(keys.lock))) return null;
      cluster.witness.beginHistory(0);
      return "the lock's key is deleted";
    },
  },
  "foreign-write": {
    weight: 1,
    draw: (random) => ({ how: random.pick(["nonsense", "a host's name"]) }),
    strike: (cluster, { how, atMs }) => {
      const value = how === "nonsense" ? `nonsense ${atMs}` : JSON.stringify({ host: "host-a", seq: Math.round(atMs) });
      if (!cluster.consul.change((store) => store.put(keys.lock, value))) return null;
      cluster.witness.beginHistory(0);
      return `somebody writes ${how} into the lock`;
    },
  },
  "foreign-lock": {
    weight: 2,
    draw: (random) => ({ how: random.pick(["takes the lock", "releases the lock"]) }),
    strike: (cluster, { how, atMs }) => {
      const held = cluster.consul.store.entry(keys.lock)?.session ?? null;
      if (held === null && how === "releases the lock") return null;
      const thief = cluster.consul.newSession(15_000, 15_000);
      const isDone = cluster.consul.change((store) => {
        const value = `foreign ${atMs}`;
        if (held !== null)
          store.transact([{ verb: "unlock", key: keys.lock, session: held, value }], cluster.consul.memory);
        if (how === "releases the lock") return;
        store.addSession(thief);
        cluster.consul.memory.watchSession(thief);
        store.transact([{ verb: "lock", key: keys.lock, session: thief.id, value }], cluster.consul.memory);
      });
      return isDone ? `somebody ${how}` : null;
    },
  },
  "save-snapshot": {
    weight: 3,
    draw: () => ({}),
    strike: (cluster) => {
      cluster.snapshots.push(cluster.consul.store.save());
      return "a snapshot is saved";
    },
  },
  "restore-snapshot": {
    weight: 2,
    draw: (random) => ({ amount: random.whole(0, 4) }),
    strike: restore,
  },
  "wipe-consul": {
    weight: 1,
    draw: () => ({}),
    strike: (cluster) => {
      if (
        !cluster.consul.change((store) => {
          store.wipe();
          cluster.consul.memory.forgetDelays();
        })
      )
        return null;
      cluster.witness.beginHistory(0);
      return "Consul's data is lost";
    },
  },
};

/** `amount`: how many snapshots before the newest. `how` "unpromised": even where no watch can notice it. */
function restore(cluster: Cluster, { amount = 0, how }: Fault): string | null {
  const snapshot = cluster.snapshots[cluster.snapshots.length - 1 - amount];
  if (snapshot === undefined || (how !== "unpromised" && isUnnoticeable(cluster, snapshot))) return null;
  const isDone = cluster.consul.change((store) => {
    store.restore(snapshot);
    cluster.consul.memory.forgetDelays();
    cluster.consul.memory.resetTimers();
  });
  if (!isDone) return null;
  cluster.witness.beginHistory(snapshot.keys.get(keys.lock)?.lockIndex ?? 0);
  return "a snapshot is restored";
}

/**
 * Some standby saw the very record that the snapshot brings back and nothing since, and its watch does not
 * count as broken yet, or its take-over is on its way: to it nothing would have happened, whoever has held
 * the lock meanwhile. The one restore that is not promised against (docs/guarantees.md); can-fail.test.ts
 * shows what comes of it.
 */
function isUnnoticeable(cluster: Cluster, snapshot: Snapshot): boolean {
  const restored = snapshot.keys.get(keys.lock)?.modifyIndex ?? 0;
  const present = cluster.consul.store.entry(keys.lock)?.modifyIndex ?? 0;
  if (restored === present) return false;
  return cluster.neardHosts.some(({ agent, clock, settings }) => {
    if (agent === null) return false;
    const { watch, phase } = agent.state;
    if (watch.lock === null || watch.confirmedMs === null || watch.lock.modifyIndex !== restored) return false;
    const isTrying = phase.name === "standby" && phase.attempt.step !== "none";
    return isTrying || clock.bootMs() - watch.confirmedMs <= settings.lease.unbrokenMs;
  });
}

function cut(
  cluster: Cluster,
  pairs: readonly (readonly [number, number])[],
  how: string | undefined,
  forMs: number,
): void {
  const { network, consul, timeline } = cluster;
  const ways = pairs.flatMap(([a, b]) => [
    ...(how === "in" ? [] : [[a, b] as const]),
    ...(how === "out" ? [] : [[b, a] as const]),
  ]);
  for (const [from, to] of ways) network.cut(from, to);
  consul.elections.review();
  timeline.after(forMs, () => {
    for (const [from, to] of ways) network.mend(from, to);
    consul.elections.review();
  });
}

function onConsul(
  weight: number,
  what: string,
  act: (cluster: Cluster, host: number, forMs: number) => void,
): FaultKind {
  return {
    weight,
    draw: (random) => ({ on: random.pick(["leader", "holder", 0, 1, 2] as const), forMs: drawMs(random) }),
    strike: (cluster, { on, forMs = 0 }) => {
      const host = targetOf(cluster, on);
      if (host === null || host.clock.isPaused) return null;
      act(cluster, host.index, forMs);
      return `${host.name}: ${what}, ${forMs} ms`;
    },
  };
}

/** A trouble of the whole network, which the next of its kind replaces. */
function whileOn(
  weight: number,
  what: string,
  amounts: readonly number[],
  act: (cluster: Cluster, amount: number) => void,
): FaultKind {
  return {
    weight,
    draw: (random) => ({ amount: random.pick(amounts), forMs: drawMs(random) }),
    strike: (cluster, { amount = 0, forMs = 0 }) => {
      act(cluster, amount);
      cluster.timeline.after(forMs, () => act(cluster, 0));
      return `${amount} ${what}, ${forMs} ms`;
    },
  };
}
