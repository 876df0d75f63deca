/**
 * From a number to all that will go wrong: pure data, so that it can be printed, cut down and replayed.
 *
 * A run is a row of storms; in each, faults strike at given times, and after each everything is mended
 * and the cluster must come back. Every storm draws its own few kinds of fault: rare ones come together
 * more often that way than if all were always possible ("swarm testing", Groce and others, 2012).
 */
import { defaultTiming } from "../../contract/timing.ts";
import type { ClusterShape, ShapeFencing } from "./cluster.ts";
import type { Fault, FaultKind } from "./fault.ts";
import { dataFaults, networkFaults } from "./faults-of-consul.ts";
import { hostFaults } from "./faults-of-hosts.ts";
import { peopleFaults } from "./faults-of-people.ts";
import { powerFaults } from "./faults-of-power.ts";
import { tamperFaults } from "./faults-of-tamperers.ts";
import { Random, seedFor } from "./random.ts";

export interface Storm {
  readonly lastsMs: number;
  readonly faults: readonly Fault[];
}

export interface Schedule {
  readonly shape: ClusterShape;
  readonly storms: readonly Storm[];
}

export const faultKinds: Readonly<Record<string, FaultKind>> = {
  ...hostFaults,
  ...networkFaults,
  ...dataFaults,
  ...peopleFaults,
  ...tamperFaults,
  ...powerFaults,
};

/**
 * What makes standbys wait for the longest lease that there can be. Not in every storm, or there would be few take-overs
 * to try anything on; and in longer ones, so that some come after it.
 */
const doubtfulFaults = new Set([
  ...Object.keys(tamperFaults),
  "delete-lock",
  "foreign-write",
  "foreign-lock",
  "restore-snapshot",
  "wipe-consul",
]);

/** Every other seed has fencing, in one of these ways. */
const fencings: readonly ShapeFencing[] = [
  { mode: "required", skipWait: false, isHonest: true },
  { mode: "required", skipWait: true, isHonest: true },
  { mode: "required", skipWait: false, isHonest: false },
  { mode: "bestEffort", skipWait: false, isHonest: false },
  { mode: "bestEffort", skipWait: true, isHonest: true },
];

export function fencingFor(seed: number): ShapeFencing | undefined {
  return seed % 2 === 0 ? undefined : fencings[((seed - 1) / 2) % fencings.length];
}

/** Hosts' clocks run up to 2 % apart, which the rule's `skewMs` allows for. */
const mostApart = 0.02;

export function shapeFrom(seed: number): ClusterShape {
  const random = new Random(seedFor(seed, 0));
  const extreme = random.chance(0.3);
  const fencing = fencingFor(seed);
  const rate = () => 1 + (extreme ? random.pick([-0.5, 0.5]) : random.between(-0.5, 0.5)) * mostApart;
  return {
    seed: seedFor(seed, 1),
    neardHosts: random.pick([2, 3] as const),
    hasWatchdog: random.chance(0.7),
    rates: [rate(), rate(), rate()],
    lease: defaultTiming,
    isKeyChanging: seed % 4 === 2,
    ...(fencing === undefined ? {} : { fencing }),
  };
}

/** Storm number `n` of a seed; with none but the kinds `only`, where they are given. */
export function stormFrom(seed: number, n: number, only?: readonly string[]): Storm {
  const random = new Random(seedFor(seed, 1000 + n));
  const isDoubtful = random.chance(0.25);
  // A seed without fencing draws as if there were no such faults.
  const all =
    only ?? Object.keys(faultKinds).filter((kind) => fencingFor(seed) !== undefined || !(kind in powerFaults));
  const kinds = chosenKinds(random, isDoubtful ? all : all.filter((kind) => !doubtfulFaults.has(kind)));
  const lastsMs = Math.round(isDoubtful ? random.between(30_000, 150_000) : random.between(10_000, 90_000));
  const mostBetweenMs = random.pick([1500, 5000, 12_000]);
  const faults: Fault[] = [];
  for (let atMs = 0; ; ) {
    atMs += Math.round(random.between(50, mostBetweenMs));
    if (atMs >= lastsMs) return { lastsMs, faults };
    const kind = pickByWeight(random, kinds);
    faults.push({ atMs, kind, ...(faultKinds[kind] as FaultKind).draw(random) });
  }
}

function chosenKinds(random: Random, all: readonly string[]): string[] {
  const share = random.pick([0.15, 0.4, 0.8]);
  const kinds = all.filter(() => random.chance(share));
  // A suspended kernel's timer and a clock that is set back are the fence's two conditions at once.
  const withoutClash = kinds.includes("suspend")
    ? kinds.filter((kind) => kind !== "step-clock" && kind !== "stop-clock")
    : kinds;
  return withoutClash.length > 0 ? withoutClash : ["cut", "power-off", "switchover"];
}

function pickByWeight(random: Random, kinds: readonly string[]): string {
  const weight = (kind: string) => (faultKinds[kind] as FaultKind).weight;
  let left = random.next() * kinds.reduce((sum, kind) => sum + weight(kind), 0);
  for (const kind of kinds) {
    left -= weight(kind);
    if (left < 0) return kind;
  }
  return kinds[0] as string;
}
