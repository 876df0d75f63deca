/** Shows progress on standard error: one line that moves on a terminal, plain lines elsewhere. */
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

/** On a terminal every report; elsewhere one per step and then one every 20 s. */
export function printProgress(progress: Progress): void {
  if (process.stderr.isTTY) {
    process.stderr.write(`\r\x1b[K${describeProgress(progress)}${progress.elapsedMs > 0 ? "" : "\n\x1b[A"}`);
    return;
  }
  const step = `${progress.tool}: ${progress.step.split(":")[0]}`;
  if (step === shown && performance.now() - shownAtMs < quietMs) return;
  shown = step;
  shownAtMs = performance.now();
  process.stderr.write(`${describeProgress(progress)}\n`);
}
