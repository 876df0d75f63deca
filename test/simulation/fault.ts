/** A fault as data: what strikes whom, when and for how long. A schedule of them can be printed, cut and replayed. */
import type { Cluster } from "./cluster.ts";
import type { Host } from "./host.ts";
import type { Random } from "./random.ts";

/** A host by its number, or by what it is at that moment. */
export type Target = "holder" | "standby" | "leader" | 0 | 1 | 2;

export interface Fault {
  /** Counted from the beginning of its storm. */
  readonly atMs: number;
  readonly kind: string;
  readonly on?: Target;
  readonly forMs?: number;
  /** Which of its kinds, where a kind has several. */
  readonly how?: string;
  /** A rate, a number of milliseconds: what the kind says. */
  readonly amount?: number;
}

/** What a kind draws for itself. */
export type Details = Omit<Fault, "atMs" | "kind">;

export interface FaultKind {
  /** How often it is chosen, compared with others. */
  readonly weight: number;
  draw(random: Random): Details;
  /** Does it. Says what it did, or null when there was nothing to do it to. */
  strike(cluster: Cluster, fault: Fault): string | null;
}

export function drawTarget(random: Random): Target {
  return random.pick<Target>(["holder", "holder", "holder", "holder", "standby", "standby", 0, 1, 2]);
}

/** Mostly around what the lease's timing makes interesting, sometimes short, sometimes long. */
export function drawMs(random: Random): number {
  const choice = random.next();
  if (choice < 0.3) return Math.round(random.between(50, 1500));
  if (choice < 0.75) return Math.round(random.between(1500, 9000));
  return Math.round(random.between(9000, 40_000));
}

export function targetOf(cluster: Cluster, on: Target | undefined): Host | null {
  if (on === undefined) return null;
  if (typeof on === "number") return cluster.hosts[on] ?? null;
  if (on === "leader") return cluster.hosts[cluster.consul.elections.leader ?? -1] ?? null;
  const { holder } = cluster;
  if (on === "holder") return holder ?? cluster.hosts[0] ?? null;
  return cluster.neardHosts.find((host) => host !== holder) ?? null;
}

/**
 * The kind of fault that strikes one host for a while. In a machine that is paused nothing happens; what is done to it
 * from outside (`isOutside`) is.
 */
export function onHost(
  weight: number,
  what: string,
  act: (host: Host, forMs: number, cluster: Cluster) => void,
  isOutside = false,
): FaultKind {
  return {
    weight,
    draw: (random) => ({ on: drawTarget(random), forMs: drawMs(random) }),
    strike: (cluster, fault) => {
      const host = targetOf(cluster, fault.on);
      if (host === null || (host.clock.isPaused && !isOutside)) return null;
      act(host, fault.forMs ?? 0, cluster);
      return `${host.name}: ${what}${fault.forMs === undefined ? "" : `, ${fault.forMs} ms`}`;
    },
  };
}
