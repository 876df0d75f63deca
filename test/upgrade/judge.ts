/**
 * What an upgrade or a downgrade may cost: what its switchovers cost, and nothing else. Pure.
 *
 * Signed counts, not accepted: on this chain nobody hears the successor of an 0.1 for minutes, whose fence holds on to
 * its connections, and that is 0.1's, whoever asks for the switchover.
 */
import type { HistoryEntry } from "../../contract/wire/history.ts";
import type { Report } from "../../lab/chain/report.ts";

/** As much of the witness's report as is judged. */
export type Seen = Pick<Report, "overlapMs" | "doubleSigned" | "gaps" | "takeovers" | "current">;

export interface Verdict {
  readonly ok: boolean;
  /** What was wrong, as sentences; empty when it is ok. */
  readonly faults: readonly string[];
  readonly moves: number;
  /** The longest silence of the key while it moved, and while it stayed. */
  readonly longestMoveS: number;
  readonly longestStayS: number;
}

/**
 * Between the last signature of the old host and the first of the new one. A switchover takes a second; but an endorsement falls due
 * once in each height of others, and the lab's machine is busy while Consul and neard restart on it.
 */
const longestMoveS = 8;
/** An agent, a Consul or a standby that is restarted costs no signature; what the machine itself loses is below this. */
const longestStayS = 4;

/** One of the two programs that deploy. */
export type Program = "earlier" | "this";

/**
 * Whether the agents that run are those that were deployed: two releases may call themselves alike, and then the version
 * says nothing.
 * @param running the bundle's checksum, by host
 * @param earlier the earlier release's, as it ran at first; null: this is that first look
 */
export function programFaults(
  running: ReadonlyMap<string, string>,
  wanted: (host: string) => Program,
  earlier: string | null,
): string[] {
  const ours = [...running].filter(([host]) => wanted(host) === "this");
  const unknown = [...running].filter(([, sum]) => !/^[0-9a-f]{64}$/.test(sum));
  if (unknown.length > 0) return unknown.map(([host]) => `${host} does not show which program its agent is`);
  const first = earlier ?? [...running.values()][0];
  return [
    ...[...running].flatMap(([host, sum]) =>
      (sum === first) === (wanted(host) === "earlier")
        ? []
        : [`the agent on ${host} is ${sum === first ? "the earlier" : "not the earlier"} release's`],
    ),
    ...(new Set(ours.map(([, sum]) => sum)).size > 1
      ? ["the hosts' agents of this release are not the same program"]
      : []),
  ];
}

/** A host's Consul, before and after. */
export interface ConsulSeen {
  readonly version: string;
  /** By a clock that the hosts share. */
  readonly startedMs: number;
  /** How many snapshots are kept on it. */
  readonly snapshots: number;
}

/** What this release promises of servers that are restarted: time between two of them, and another version only after a snapshot. */
export function consulFaults(
  before: ReadonlyMap<string, ConsulSeen>,
  after: ReadonlyMap<string, ConsulSeen>,
  lockDelayMs: number,
): string[] {
  const restarted = [...after]
    .filter(([host, { startedMs }]) => before.get(host)?.startedMs !== startedMs)
    .toSorted(([, a], [, b]) => a.startedMs - b.startedMs);
  const unread = [...after].filter(([, { version, startedMs }]) => version === "" || !(startedMs > 0));
  return [
    ...unread.map(([host]) => `Consul on ${host} does not say of which version it is, or since when it runs`),
    ...restarted.flatMap(([host, { startedMs }], position) => {
      const [last, { startedMs: lastMs }] = restarted[position - 1] ?? ["", { startedMs: Number.NEGATIVE_INFINITY }];
      const seconds = (startedMs - lastMs) / 1000;
      return seconds * 1000 >= lockDelayMs
        ? []
        : [`Consul was restarted on ${host} ${seconds.toFixed(1)} s after it was on ${last}`];
    }),
    ...[...after].flatMap(([host, { version, snapshots }]) => {
      const old = before.get(host);
      return old === undefined || old.version === version || snapshots > old.snapshots
        ? []
        : [`${host} has no snapshot of before its Consul became ${version}`];
    }),
  ];
}

/**
 * @param entries of the history, those that were written meanwhile
 * @param more what else was wrong
 */
export function judge(
  { overlapMs, doubleSigned, gaps, takeovers, current }: Seen,
  entries: readonly Pick<HistoryEntry, "kind" | "epoch" | "because">[],
  more: readonly string[] = [],
): Verdict {
  const isMove = (gap: Seen["gaps"][number]) => gap.fromHost !== gap.toHost;
  const longest = (of: readonly Seen["gaps"][number][]) => Math.max(0, ...of.map(({ seconds }) => seconds));
  const [moved, stayed] = [longest(gaps.filter(isMove)), longest(gaps.filter((gap) => !isMove(gap)))];
  const others = entries.filter(({ kind }) => kind !== "switchover");
  const silentS = (current?.silentMs ?? 0) / 1000;
  const faults = [
    // A gap lies between two signatures: who signs nothing more has none.
    ...(current === null ? ["the witness saw nothing that the key signed"] : []),
    ...(silentS > longestStayS ? [`the key was silent for ${silentS.toFixed(1)} s in the end`] : []),
    ...(takeovers.length > entries.length
      ? [
          `the witness saw the key on another host ${takeovers.length} times, of which the history has ${entries.length}`,
        ]
      : []),
    ...(overlapMs > 0 ? [`two hosts signed at once, for ${overlapMs} ms`] : []),
    ...(doubleSigned.length > 0 ? [`${doubleSigned.length} heights were signed twice`] : []),
    ...others.map(({ kind, epoch, because }) => `the key moved by a ${kind} (epoch ${epoch}): ${because}`),
    ...(moved > longestMoveS
      ? [`the key was silent for ${moved.toFixed(1)} s while it moved, above ${longestMoveS} s`]
      : []),
    ...(stayed > longestStayS
      ? [`the key was silent for ${stayed.toFixed(1)} s on one host, above ${longestStayS} s`]
      : []),
    ...more,
  ];
  return { ok: faults.length === 0, faults, moves: entries.length, longestMoveS: moved, longestStayS: stayed };
}

/** One line. @param what was done, as in "upgrade 0.1.0 -> 0.2.0" */
export function verdictLine(what: string, { ok, faults, moves, longestMoveS, longestStayS }: Verdict): string {
  const seen = `${moves} switchovers, silent for ${longestMoveS.toFixed(1)} s at the longest while the key moved, ${longestStayS.toFixed(1)} s while it stayed`;
  return ok ? `ok     ${what}: ${seen}` : `WRONG  ${what}: ${faults.join("; ")} (${seen})`;
}
