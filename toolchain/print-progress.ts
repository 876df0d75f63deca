/** Shows progress on standard error: one line per step, which counts up on a terminal. */
import type { Progress } from "./progress.ts";

/** "pulumi: building with Go: 812 packages compiled (1m04s, log: /…)". */
export function describeProgress({ tool, step, elapsedMs, logFile }: Progress): string {
  const seconds = Math.round(elapsedMs / 1000);
  const time = seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, "0")}s`;
  return `${tool}: ${step} (${time}${logFile === undefined ? "" : `, log: ${logFile}`})`;
}

const quietMs = 20_000;
let shown = "";
let shownAtMs = Number.NEGATIVE_INFINITY;

/** On a terminal every report, in the line of its step; elsewhere one at the start of a step and one every 20 s. */
export function printProgress(progress: Progress): void {
  const line = describeProgress(progress);
  if (process.stderr.isTTY) {
    const rewrite = progress.elapsedMs > 0 ? "\x1b[A\x1b[K" : ""; // one line up, cleared
    process.stderr.write(`${rewrite}${line.slice(0, process.stderr.columns - 1)}\n`);
    return;
  }
  const step = `${progress.tool}: ${progress.step.split(":")[0]}`;
  if (step === shown && performance.now() - shownAtMs < quietMs) return;
  shown = step;
  shownAtMs = performance.now();
  process.stderr.write(`${line}\n`);
}
