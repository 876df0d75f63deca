/** Cut, lossy, slow: the network between the hosts, and between a host and the chain. */
import { afterHealMs, failoverMs, failoverWithElectionMs, givesWayMs, type Limits, undisturbedMs } from "../bounds.ts";
import { fault, inArea, type Scenario } from "../scenario.ts";

const cutMs = 16_000;

/** neard's link counts as dead when it was silent for this long (lab/neard/node.ts), and neard as syncing. */
const deafMs = ({ slotMs }: Limits): number => Math.max(2000, 3 * slotMs);

const cuts = [
  ["partition", "cut off from the other hosts, while it reaches the chain"],
  ["partition-in", "deaf: nothing from the other hosts arrives, what it sends does"],
  ["partition-out", "mute: nothing that it sends to the other hosts arrives"],
  ["partition-consul", "cut off on Consul's ports alone"],
  ["isolate", "cut off from everything, the chain included"],
] as const;

export const network: readonly Scenario[] = inArea("network", [
  ...cuts.map(([kind, how]) =>
    fault(kind, "active", cutMs, {
      name: kind,
      sentence: `The holder is ${how}.`,
      expects: "moves",
      boundMs: failoverWithElectionMs,
      ...(kind === "isolate" ? {} : { heard: true }),
    }),
  ),
  fault("partition", "standby", cutMs, {
    name: "partition-standby",
    sentence: "The standby is cut off from the other hosts; it must not take what it cannot see.",
    expects: "stays",
    boundMs: undisturbedMs,
  }),
  fault("partition-gossip", "active", 20_000, {
    name: "partition-gossip",
    sentence: "Consul's gossip alone is cut between the holder and the others.",
    expects: "stays",
    boundMs: undisturbedMs,
  }),
  fault("partition-rpc", "active", 20_000, {
    name: "partition-rpc",
    sentence: "Consul's server RPC alone is cut between the holder and the others.",
    expects: "stays",
    boundMs: undisturbedMs,
  }),
  {
    name: "partition-from-leader",
    sentence: "Holder and Consul's leader do not reach each other; both reach the third host.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      await stage.leadBy(stage.arbiter);
      await stage.inject("partition-pair", stage.active, stage.arbiter);
      await stage.wait(20_000);
      await stage.heal();
    },
  },
  {
    name: "partition-from-standby",
    sentence: "Holder and standby do not reach each other; both reach the arbiter.",
    expects: "stays",
    boundMs: undisturbedMs,
    run: async (stage) => {
      await stage.inject("partition-pair", stage.active, stage.standby);
      await stage.wait(20_000);
      await stage.heal();
    },
  },
  fault("partition-chain", "active", 30_000, {
    name: "partition-chain",
    sentence: "The holder reaches the other hosts, but not the chain: its neard is useless, and it gives way.",
    expects: "moves",
    boundMs: givesWayMs((limits) => deafMs(limits) + limits.hungMs + 1000),
  }),
  {
    name: "partition-flapping",
    sentence: "The holder is cut off for 3 s and reachable for 2 s, eight times.",
    expects: "recovers",
    boundMs: afterHealMs,
    run: async (stage) => {
      for (let round = 0; round < 8; round++) {
        await stage.inject("partition", stage.active);
        await stage.wait(3000);
        await stage.heal();
        await stage.wait(2000);
      }
      stage.healed();
    },
  },
  fault("late-answers", "active", 16_000, {
    name: "renewal-answers-late",
    sentence: "The holder's renewals arrive and keep the lock fresh, but their answers come after the lease's end.",
    expects: "moves",
    boundMs: failoverMs,
  }),
  fault("slow-consul", "active", 20_000, {
    name: "slow-consul-2s",
    sentence: "Every round trip of the holder's agent and Consul to any Consul takes 2 s longer.",
    expects: "either",
    boundMs: failoverWithElectionMs,
  }),
  {
    name: "slow-packets-2s",
    sentence: "Every packet of the holder, of whatever kind, is 2 s late.",
    expects: "either",
    boundMs: failoverWithElectionMs,
    notHere:
      "this kernel has no netem (CONFIG_NET_SCH_NETEM), and nftables cannot delay; slow-consul-2s delays streams",
    run: async () => {},
  },
  fault("loss", "active", 20_000, {
    name: "loss-30",
    sentence: "Three of ten packets from and to the holder are lost, for 20 s.",
    expects: "recovers",
    boundMs: afterHealMs,
  }),
  {
    name: "loss-30-everywhere",
    sentence: "Three of ten packets from and to every host are lost, for 20 s.",
    expects: "recovers",
    boundMs: afterHealMs,
    run: async (stage) => {
      for (const name of stage.hosts) await stage.inject("loss", name);
      await stage.wait(20_000);
      await stage.heal();
    },
  },
]);
