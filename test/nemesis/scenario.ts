/** What a scenario is: data, and one small function that breaks, waits and heals. */
import type { Limits } from "./bounds.ts";
import type { Fencing } from "./fencing.ts";
import type { Stage } from "./stage.ts";

export const areas = [
  "processes",
  "host",
  "network",
  "consul",
  "disk",
  "neard",
  "clock",
  "operator",
  "tampering",
  "fencing",
] as const;
export type Area = (typeof areas)[number];

/**
 * What must become of the key. In every case the witness sees no overlap and nothing signed twice.
 *   stays     the holder keeps the lease: same host, same epoch, and its silence is bounded
 *   moves     another host signs within the bound, counted from the last signature before it
 *   either    whichever host: the silence is bounded
 *   silent    nobody signs once the lease has run out, until healed; the bound counts from healing
 *   recovers  no promise while it lasts; the bound counts from healing
 */
export type Expectation = "stays" | "moves" | "either" | "silent" | "recovers";

export interface Scenario {
  readonly name: string;
  readonly area: Area;
  /** One sentence: what is done to whom. */
  readonly sentence: string;
  readonly expects: Expectation;
  /** Silence of the validator for stays, moves and either; else time from healing to the next signature. */
  readonly boundMs: (limits: Limits) => number;
  /**
   * The chain must take the new holder's blocks soon (bounds.ts, heardWithinMs). Not asked where the old host
   * is dark or does not reach the chain: nobody can end its connections then.
   */
  readonly heard?: true;
  readonly run: (stage: Stage) => Promise<void>;
  /** Puts back what `heal` does not know of. Runs in any case. */
  readonly undo?: (stage: Stage) => Promise<void>;
  /** Addresses whose signatures are not ours to answer for: another deployment's. */
  readonly strangers?: (stage: Stage) => readonly string[];
  /** What the cluster is deployed with first; absent: without fencing. */
  readonly fencing?: Fencing;
  /** Why it cannot be done on this machine. */
  readonly notHere?: string;
  /** It pulls a lever of the lab's own neard, which a real one has not. */
  readonly standInOnly?: true;
}

/** Where a fault goes, seen at the beginning of the scenario. */
export type Place = "active" | "standby" | "arbiter";

type Shape = Omit<Scenario, "run" | "area">;

/** One fault of the lab on one host, for a while. */
export function fault(kind: string, place: Place, forMs: number, shape: Shape): Omit<Scenario, "area"> {
  return {
    ...shape,
    run: async (stage) => {
      await stage.inject(kind, stage[place]);
      await stage.wait(forMs);
      await stage.heal();
    },
  };
}

export const inArea = (area: Area, scenarios: readonly Omit<Scenario, "area">[]): readonly Scenario[] =>
  scenarios.map((scenario) => ({ ...scenario, area }));
