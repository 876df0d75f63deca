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
  /** Take-overs after the two that came before the beginning. */
  readonly takeovers: number;
}

export interface Run {
  readonly name: string;
  readonly scale: Scale;
  /** The rule that is left out, by its name in Lease.tla. */
  readonly leftOut: string | null;
  /** What TLC checks. */
  readonly checks: "OneSigner" | "NeverFailover" | "NeverSwitchover" | "NeverResumed";
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
  takeovers: 2,
};

/** Somebody who tampers, and clocks that run alike. */
export const tampering: Scale = { ...drifting, takeover: drifting.lease, unbroken: 1, steady: 0, tamperers: true };

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
  possible("possible: a failover", drifting, "NeverFailover"),
  possible("possible: a switchover at once", drifting, "NeverSwitchover"),
  possible("possible: a new agent goes on", drifting, "NeverResumed"),
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
];

/** TLC's configuration of a run. */
export function configurationOf({ scale, leftOut, checks }: Run): string {
  const hosts = Array.from({ length: scale.hosts }, (_, i) => `host${i + 1}`).join(", ");
  const isAboutSteps = checks === "NeverSwitchover" || checks === "NeverResumed";
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
    `  Snapshots = ${scale.snapshots ? "TRUE" : "FALSE"}`,
    `  Tamperers = ${scale.tamperers ? "TRUE" : "FALSE"}`,
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
