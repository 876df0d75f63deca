/**
 * What a random nemesis does and when, from its seed alone: rounds of two faults that overlap, then
 * healing and some calm. Pure: the same seed and length give the same schedule, on every machine. What
 * becomes of it does not: a fault that finds its host off is left out, and said so.
 */
import { Random } from "../../simulation/random.ts";

export interface PlannedFault {
  readonly kind: string;
  /** A host by its place in the lab: roles move, hosts do not. */
  readonly host: number;
  /** The other one, for a fault between two. */
  readonly peer?: number;
  /** Since the beginning of the run. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Round {
  readonly faults: readonly [PlannedFault, PlannedFault];
  readonly healMs: number;
  /** The next one begins here. */
  readonly endMs: number;
}

interface Choice {
  readonly kind: string;
  readonly weight: number;
  /** Needs a neard on the host. */
  readonly neard?: true;
  readonly between?: true;
}

/** Every kind of fault of the lab that this machine can do; those that hit the protocol hardest come more often. */
const choices: readonly Choice[] = [
  ...["poweroff", "power-cycle", "freeze", "reboot"].map((kind) => ({ kind, weight: 2 })),
  ...["kill-agent", "kill-consul"].map((kind) => ({ kind, weight: 2 })),
  ...["kill-neard", "kill-agent-neard", "kill-all"].map((kind) => ({ kind, weight: 2, neard: true as const })),
  ...["stop-agent", "stop-consul"].map((kind) => ({ kind, weight: 3 })),
  ...["stop-neard", "stop-agent-neard", "stop-all"].map((kind) => ({ kind, weight: 2, neard: true as const })),
  ...["partition", "partition-in", "partition-out", "partition-consul"].map((kind) => ({ kind, weight: 3 })),
  ...["partition-gossip", "partition-rpc", "partition-chain", "isolate", "loss"].map((kind) => ({ kind, weight: 1 })),
  { kind: "partition-pair", weight: 3, between: true },
  { kind: "late-answers", weight: 3, neard: true },
  { kind: "slow-consul", weight: 1, neard: true },
  ...["disk-full", "no-files-consul"].map((kind) => ({ kind, weight: 1 })),
  { kind: "no-files-agent", weight: 1 },
  ...["neard-hang", "neard-reject-reload"].map((kind) => ({ kind, weight: 1, neard: true as const })),
];

/** Around the lease and the waits, which are between 5 and 15 s. */
const lastsMs = [2000, 20_000] as const;
const apartMs = [0, 9000] as const;
const calmMs = [8000, 25_000] as const;

/** @param hosts whether each of the lab's hosts has a neard */
export function planRounds(seed: number, forMs: number, hosts: readonly { readonly neard: boolean }[]): Round[] {
  const random = new Random(seed);
  const rounds: Round[] = [];
  let startMs = 3000;
  while (startMs < forMs) {
    const first = planFault(random, hosts, startMs);
    const second = planFault(random, hosts, startMs + random.between(...apartMs));
    const healMs = Math.max(first.toMs, second.toMs);
    const endMs = healMs + Math.round(random.between(...calmMs));
    if (healMs > forMs) break;
    rounds.push({ faults: [first, second], healMs, endMs });
    startMs = endMs;
  }
  return rounds;
}

function planFault(random: Random, hosts: readonly { readonly neard: boolean }[], atMs: number): PlannedFault {
  const indexes = hosts.map((_, i) => i);
  const host = random.pick(indexes);
  const choice = pickWeighted(
    random,
    choices.filter(({ neard }) => !neard || hosts[host]?.neard),
  );
  const fromMs = Math.round(atMs);
  const toMs = Math.round(atMs + random.between(...lastsMs));
  const peer = choice.between ? { peer: random.pick(indexes.filter((i) => i !== host)) } : {};
  return { kind: choice.kind, host, ...peer, fromMs, toMs };
}

function pickWeighted(random: Random, from: readonly Choice[]): Choice {
  const total = from.reduce((sum, { weight }) => sum + weight, 0);
  let left = random.between(0, total);
  for (const choice of from) {
    left -= choice.weight;
    if (left < 0) return choice;
  }
  return random.pick(from);
}
