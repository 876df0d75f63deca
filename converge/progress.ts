/** Progress for a person who waits: a line on stderr at least every 2 s while something takes long. */

/** Where progress lines go; one sentence each, without the newline. */
export type Progress = (line: string) => void;

export const progressEveryMs = 2000;

/** Progress on stderr, every line led by the host and the concern. */
export function progressOn(host: string, concern: string): Progress {
  return (line) => void process.stderr.write(`${host} ${concern}: ${line}\n`);
}

/** Awaits `work`; while it lasts, says every 2 s what is being waited for and for how long already. */
export async function whileWaiting<T>(progress: Progress, what: string, work: PromiseLike<T>): Promise<T> {
  const startedMs = performance.now();
  const timer = setInterval(() => {
    progress(`${what} (${Math.round((performance.now() - startedMs) / 1000)} s)`);
  }, progressEveryMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** A progress that passes on at most one line in `progressEveryMs`; for loops that look more often. */
export function unhurried(progress: Progress, nowMs: () => number): Progress {
  let lastMs = nowMs();
  return (line) => {
    if (nowMs() - lastMs < progressEveryMs) return;
    lastMs = nowMs();
    progress(line);
  };
}
