/** A random nemesis's report as Markdown. Pure. */
import type { Report } from "../../../lab/chain/report.ts";
import type { FaultSpan, Timeline } from "./timeline.ts";

export interface Outcome {
  readonly timeline: Timeline;
  readonly witness: Report;
  readonly commit: string | null;
  readonly minutesAsked: number;
  /** Null: it came back; else what was amiss at the end. */
  readonly notHealthy: string | null;
  readonly interrupted: boolean;
  /** From the last healing to a cluster that is healthy in every respect; null when it was not. */
  readonly recoveredMs: number | null;
}

/** In a word and a sentence. */
export function verdictOf({ witness, notHealthy, interrupted }: Outcome): { ok: boolean; sentence: string } {
  if (witness.overlapMs > 0 || witness.doubleSigned.length > 0)
    return {
      ok: false,
      sentence: `UNSAFE: two hosts signed at once for ${witness.overlapMs} ms, ${witness.doubleSigned.length} heights were signed twice.`,
    };
  if (notHealthy !== null) return { ok: false, sentence: `Safe, but the cluster did not recover: ${notHealthy}.` };
  const end = interrupted ? "Interrupted, and healed." : "The cluster recovered at the end.";
  return { ok: !interrupted, sentence: `Overlap 0 ms, nothing signed twice. ${end}` };
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

export function randomMarkdown(outcome: Outcome, drawing: string): string {
  const { timeline, witness, commit, recoveredMs } = outcome;
  const since = (ms: number) => clock(ms - timeline.startMs);
  const done = timeline.faults.filter(({ skipped }) => skipped === undefined);
  const kinds = Map.groupBy(done, ({ kind }) => kind);
  const gaps = witness.gaps.toSorted((a, b) => b.seconds - a.seconds).slice(0, 15);
  const holders = witness.gaps.filter(({ fromHost, toHost }) => fromHost !== toHost).length;
  return [
    `# Random nemesis, seed ${timeline.seed}`,
    "",
    `**${verdictOf(outcome).sentence}**`,
    "",
    `\`npm run nemesis -- --minutes ${outcome.minutesAsked} --seed ${timeline.seed}\`, begun ${new Date(timeline.startMs).toISOString()}` +
      `${commit === null ? "" : `, commit ${commit}`}.`,
    "",
    "| | |",
    "|---|---|",
    `| length | ${((timeline.endMs - timeline.startMs) / 60_000).toFixed(1)} min |`,
    `| faults | ${done.length}, ${kinds.size} kinds; ${timeline.faults.length - done.length} found nothing to break |`,
    `| overlap | ${witness.overlapMs} ms |`,
    `| heights signed twice | ${witness.doubleSigned.length} |`,
    `| the key moved | ${holders} times |`,
    `| blocks of ours | ${witness.produced} produced, ${witness.accepted} accepted, ${witness.missed} missed |`,
    `| silent | ${seconds(1000 * witness.gaps.reduce((sum, gap) => sum + gap.seconds, 0))} in all, ${seconds(1000 * (gaps[0]?.seconds ?? 0))} at the longest |`,
    `| from the last healing to health | ${recoveredMs === null ? "never" : seconds(recoveredMs)} |`,
    "",
    `![timeline](${drawing})`,
    "",
    "## Longest silences",
    "",
    "| at | lasted | from | to | faults that were on |",
    "|---|---:|---|---|---|",
    ...gaps.map((gap) => {
      const [fromMs, toMs] = [Date.parse(gap.from), Date.parse(gap.to)];
      const on = done.filter((fault) => fault.fromMs <= toMs && fault.toMs >= fromMs).map(nameOf);
      return `| ${since(fromMs)} | ${gap.seconds.toFixed(1)} s | ${gap.fromHost} | ${gap.toHost} | ${on.join(", ")} |`;
    }),
    "",
    "## Faults",
    "",
    "| from | to | fault | |",
    "|---|---|---|---|",
    ...timeline.faults.map(
      (fault) => `| ${since(fault.fromMs)} | ${since(fault.toMs)} | ${nameOf(fault)} | ${fault.skipped ?? ""} |`,
    ),
    "",
  ].join("\n");
}

function nameOf({ kind, host, peer }: FaultSpan): string {
  return `${kind} ${host}${peer === undefined ? "" : ` and ${peer}`}`;
}

function clock(ms: number): string {
  const s = Math.round(ms / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}
