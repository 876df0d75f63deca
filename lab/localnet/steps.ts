/**
 * A run as a list of named steps, shown in two ways: on a terminal as a living list (listr2), anywhere
 * else as plain lines with the seconds since the start, for logs and for CI.
 */
import { Listr, PRESET_TIMER } from "listr2";
import type { Say } from "../hosts/progress.ts";

export interface Step {
  readonly title: string;
  readonly work: (say: Say) => Promise<void>;
}

/** Steps in order; those in one inner list run beside each other. */
export type Run = readonly (Step | readonly Step[])[];

/** Runs all of it; the first step that fails ends it with its error. */
export async function runSteps(run: Run, terminal: boolean = process.stdout.isTTY): Promise<void> {
  if (terminal) await live(run);
  else await plain(run, (line) => console.log(line));
}

async function live(run: Run): Promise<void> {
  const listrTask = ({ title, work }: Step) => ({
    title,
    task: (_context: unknown, shown: { output: string }) =>
      work((line) => {
        shown.output = line;
      }),
  });
  const options = {
    renderer: "default",
    // What went wrong is said once, below the list.
    rendererOptions: { timer: PRESET_TIMER, showErrorMessage: false },
    registerSignalListeners: false,
  } as const;
  for (const entry of run) {
    const steps = "title" in entry ? [entry] : entry;
    await new Listr(steps.map(listrTask), { ...options, concurrent: true }).run();
  }
}

/** As lines: `[ 12 s] hosts: booting host-a, host-b`. */
export async function plain(run: Run, print: Say, nowMs = () => performance.now()): Promise<void> {
  const startMs = nowMs();
  const say = (text: string) => print(`[${String(Math.round((nowMs() - startMs) / 1000)).padStart(3)} s] ${text}`);
  const work = async ({ title, work }: Step) => {
    await work((line) => say(`${title}: ${line}`));
    say(`${title}: done`);
  };
  for (const entry of run) await Promise.all(("title" in entry ? [entry] : entry).map(work));
}
