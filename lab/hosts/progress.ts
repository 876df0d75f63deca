/**
 * Saying what goes on, without knowing where it is shown: a terminal's live line, a plain log, a test.
 */

/** Takes one plain line. */
export type Say = (line: string) => void;

/** A silent step is said again this often, so that nobody wonders whether it hangs. */
const repeatMs = 15_000;

/** Runs `work`; says `what` at once and then every 15 s with the time it has taken so far. */
export async function saying<T>(say: Say, what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  say(what);
  const timer = setInterval(
    () => say(`${what} (${Math.round((performance.now() - startedAt) / 1000)} s so far)`),
    repeatMs,
  );
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
