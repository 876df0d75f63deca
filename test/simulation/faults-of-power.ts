/**
 * What can go wrong with power-off fencing, and what it is there for: a virtual machine that stands still with its clocks,
 * and goes on as if nothing had happened. Only where a cluster has fencing: without it the latter is not promised against.
 */
import type { Cluster } from "./cluster.ts";
import { keys } from "./cluster-names.ts";
import { drawMs, drawTarget, type FaultKind, onHost, targetOf } from "./fault.ts";
import type { PowerTroubles } from "./power.ts";

type Until = Exclude<keyof PowerTroubles, "lateMs">;
const troubles = ["downUntilMs", "silentUntilMs", "stuckUntilMs", "lockedUntilMs"] as const satisfies Until[];

function onSwitch(weight: number, what: string, trouble: Until, isPromised = (_: Cluster) => true): FaultKind {
  return {
    weight,
    draw: (random) => ({ on: drawTarget(random), forMs: drawMs(random) }),
    strike: (cluster, { on, forMs = 0, how }) => {
      const host = targetOf(cluster, on);
      if (host === null || !(isPromised(cluster) || how === "unpromised")) return null;
      host.power.troubles[trouble] = cluster.timeline.nowMs + forMs;
      return `the power switch of ${host.name} ${what}, ${forMs} ms`;
    },
  };
}

export const powerFaults: Record<string, FaultKind> = {
  // What fencing closes. Elsewhere it would be two signers by right.
  "pause-machine": {
    weight: 8,
    draw: (random) => ({
      on: drawTarget(random),
      // Shorter ones end before anybody would take over; most outlast a try at the switch.
      forMs: random.chance(0.25) ? drawMs(random) : Math.round(random.between(9000, 60_000)),
      // Often together with trouble at its switch: alone it would seldom be both.
      how: random.pick(["", "", "downUntilMs", "silentUntilMs", "stuckUntilMs", "lockedUntilMs"]),
    }),
    strike: (cluster, { on, forMs = 0, how = "" }) => {
      const host = targetOf(cluster, on);
      const { mode, isHonest } = cluster.fencing;
      const isClosed = mode === "required" && isHonest;
      if (host === null || !host.hasNeard || !(isClosed || how === "unpromised")) return null;
      host.pauseMachine(forMs);
      const trouble = troubles.find((one) => one === how);
      // It is over before the machine goes on, or only after.
      if (trouble !== undefined)
        host.power.troubles[trouble] = cluster.timeline.nowMs + forMs * cluster.power.between(0.3, 2);
      return `${host.name}: the virtual machine stands still, its clocks too, ${forMs} ms${trouble === undefined ? "" : `; ${how}`}`;
    },
  },
  "switch-down": onSwitch(3, "refuses everybody", "downUntilMs"),
  "switch-silent": onSwitch(3, "answers nobody", "silentUntilMs"),
  "switch-locked": onSwitch(2, "is busy", "lockedUntilMs"),
  "switch-stuck": onSwitch(2, "takes orders and does nothing", "stuckUntilMs"),
  "switch-bounces": onSwitch(2, "gives power back at once", "bouncesUntilMs"),
  // Only where time alone is enough: see docs/guarantees.md.
  "switch-lies": onSwitch(3, "says off and does nothing", "liesUntilMs", ({ fencing }) => !fencing.isHonest),
  "switch-late": onHost(
    2,
    "its power switch is late",
    (host, forMs, cluster) => {
      host.power.troubles.lateMs = Math.min(forMs, 20_000);
      cluster.timeline.after(forMs, () => {
        host.power.troubles.lateMs = 0;
      });
    },
    true,
  ),
  /** Somebody with a token: an answer to a roll call that was true once. */
  "replay-note": {
    weight: 2,
    draw: (random) => ({ on: drawTarget(random), forMs: drawMs(random) }),
    strike: (cluster, { on, forMs = 0 }) => {
      const host = targetOf(cluster, on);
      const note = host === null ? undefined : cluster.consul.store.entry(keys.host(host.name));
      if (note === undefined) return null;
      cluster.timeline.after(forMs, () => cluster.consul.change((store) => store.put(note.key, note.value)));
      return `the note of ${host?.name} will be put back in ${forMs} ms`;
    },
  },
};
