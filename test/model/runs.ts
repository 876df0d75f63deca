/** The runs of TLC: the protocol as it is, what must be possible, and one variant for each rule that is left out. Pure. */

/** The model's numbers, in ticks. One tick stands for `skewMs`, by which clocks may differ over a wait. */
export interface Scale {
  readonly hosts: number;
  readonly lease: number;
  readonly takeover: number;
  readonly unbroken: number;
  readonly attempt: number;
  /** In so many ticks one clock at most loses one tick; 0: clocks run alike. */
  readonly steady: number;
  readonly snapshots: boolean;
  /** Somebody writes the lock who may, and cannot seal. */
  readonly tamperers: boolean;
  /** A take-over needs a proof that whoever may run holds nothing. */
  readonly fencing: boolean;
  /** Such a proof ends the wait. */
  readonly skips: boolean;
  /** Power devices never lie. */
  readonly honest: boolean;
  /** Machines are paused with their clocks, and resumed. */
  readonly pauses: boolean;
  /** Take-overs after the two that came before the beginning. */
  readonly takeovers: number;
}

export interface Run {
  readonly name: string;
  readonly scale: Scale;
  /** The rule that is left out, by its name in Lease.tla. */
  readonly leftOut: string | null;
  /** What TLC checks. */
  readonly checks: "OneSigner" | "NeverFailover" | "NeverSwitchover" | "NeverResumed" | "NeverFenced" | "NeverUnpaused";
  readonly expect: "holds" | "refuted";
}

/** Clocks that drift, no snapshots. */
export const drifting: Scale = {
  hosts: 2,
  lease: 2,
  takeover: 3,
  unbroken: 2,
  attempt: 1,
  steady: 3,
  snapshots: false,
  tamperers: false,
  fencing: false,
  skips: false,
  honest: true,
  pauses: false,
  takeovers: 2,
};

/** Somebody who tampers, and clocks that run alike. */
export const tampering: Scale = { ...drifting, takeover: drifting.lease, unbroken: 1, steady: 0, tamperers: true };

/** Power-off fencing with machines that are paused, and clocks that run alike otherwise. */
export const fencing: Scale = {
  ...drifting,
  takeover: drifting.lease,
  unbroken: 1,
  steady: 0,
  fencing: true,
  pauses: true,
  takeovers: 1,
};
export const skipping: Scale = { ...fencing, skips: true };

/** Snapshots, and clocks that run alike, so that a wait as long as the lease is enough. */
export const restoring: Scale = {
  hosts: 2,
  lease: 2,
  takeover: 2,
  unbroken: 1,
  attempt: 1,
  steady: 0,
  snapshots: true,
  tamperers: false,
  fencing: false,
  skips: false,
  honest: true,
  pauses: false,
  takeovers: 1,
};

const holds = (name: string, scale: Scale): Run => ({
  name,
  scale,
  leftOut: null,
  checks: "OneSigner",
  expect: "holds",
});

const possible = (name: string, scale: Scale, checks: Run["checks"]): Run => ({
  name,
  scale,
  leftOut: null,
  checks,
  expect: "refuted",
});

const without = (leftOut: string, scale: Scale): Run => ({
  name: `without: ${leftOut}`,
  scale,
  leftOut,
  checks: "OneSigner",
  expect: "refuted",
});

export const runs: readonly Run[] = [
  holds("two hosts, drifting clocks", drifting),
  holds("two hosts, snapshots", restoring),
  holds("two hosts, somebody who tampers", tampering),
  holds("two hosts, fencing, paused machines", fencing),
  holds("two hosts, fencing that skips the wait", skipping),
  holds("two hosts, fencing by a device that lies", { ...fencing, honest: false, pauses: false }),
  possible("possible: a failover", drifting, "NeverFailover"),
  possible("possible: a switchover at once", drifting, "NeverSwitchover"),
  possible("possible: a new agent goes on", drifting, "NeverResumed"),
  possible("possible: a host is fenced", fencing, "NeverFenced"),
  possible("possible: a paused machine goes on with its lease", fencing, "NeverUnpaused"),
  {
    name: "without: a wait longer than the lease",
    scale: { ...drifting, takeover: drifting.lease },
    leftOut: null,
    checks: "OneSigner",
    expect: "refuted",
  },
  without("count from the sending", drifting),
  without("fence", drifting),
  without("index check", drifting),
  without("wait after a start", drifting),
  without("stop before the release", drifting),
  without("lease of this boot only", drifting),
  without("unbroken watch", restoring),
  without("marker of a watched holder", restoring),
  without("holder watched for the wait", restoring),
  without("old snapshots only", restoring),
  without("seal", tampering),
  without("no marker of a holder in sight", tampering),
  without("fencing", fencing),
  without("proof of this term", { ...fencing, takeovers: 2 }),
  without("answer of a standby only", fencing),
  without("honest devices", fencing),
  { ...without("honest devices", { ...skipping, pauses: false }), name: "without: honest devices, the wait skipped" },
];

const truth = (is: boolean) => (is ? "TRUE" : "FALSE");

/** TLC's configuration of a run. */
export function configurationOf({ scale, leftOut, checks }: Run): string {
  const hosts = Array.from({ length: scale.hosts }, (_, i) => `host${i + 1}`).join(", ");
  const isAboutSteps = checks !== "OneSigner" && checks !== "NeverFailover";
  return [
    "SPECIFICATION Spec",
    "VIEW Canonical",
    "SYMMETRY AnyHost",
    "CHECK_DEADLOCK FALSE",
    "CONSTANTS",
    `  Hosts = {${hosts}}`,
    `  L = ${scale.lease}`,
    `  W = ${scale.takeover}`,
    `  G = ${scale.unbroken}`,
    `  A = ${scale.attempt}`,
    `  Steady = ${scale.steady}`,
    `  Snapshots = ${truth(scale.snapshots)}`,
    `  Tamperers = ${truth(scale.tamperers)}`,
    `  Fencing = ${truth(scale.fencing)}`,
    `  Skips = ${truth(scale.skips)}`,
    `  Honest = ${truth(scale.honest)}`,
    `  Pauses = ${truth(scale.pauses)}`,
    `  MaxTakeOvers = ${scale.takeovers + 2}`,
    `  LeftOut = "${leftOut ?? "nothing"}"`,
    `${isAboutSteps ? "PROPERTY" : "INVARIANT"} ${checks}`,
    ...(checks === "OneSigner" ? ["PROPERTY EpochsGrow"] : []),
    "",
  ].join("\n");
}

export interface Outcome {
  /** `unclear`: TLC did not get to an end, or refuted something else. */
  readonly verdict: "holds" | "refuted" | "unclear";
  readonly states: number;
  readonly steps: number;
}

/** What TLC's output says of what it was to check. */
export function outcomeOf(output: string, checks: Run["checks"]): Outcome {
  const states = /([\d,]+) distinct states found, [\d,]+ states left/.exec(
    output.slice(output.lastIndexOf("generated") - 60),
  );
  const refuted = new RegExp(`^Error: (Invariant|Action property) ${checks} is violated`, "m").test(output);
  const holds = /^Model checking completed\. No error has been found\./m.test(output);
  return {
    verdict: refuted ? "refuted" : holds ? "holds" : "unclear",
    states: Number((states?.[1] ?? "0").replaceAll(",", "")),
    steps: [...output.matchAll(/^State \d+: /gm)].length,
  };
}
