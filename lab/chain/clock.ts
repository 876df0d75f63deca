/**
 * The chain's clock: wall time at its start, then monotonic. A step of the machine's wall clock does
 * not disturb it, and a restarted chain never begins before what it has already announced.
 */

/** Milliseconds since 1970; never runs backwards. */
export type Clock = () => number;

/** A clock that shows at least `notBeforeMs`. */
export function startClock(notBeforeMs: number): Clock {
  const startMs = Math.max(Date.now(), notBeforeMs);
  const startedAt = performance.now();
  return () => startMs + (performance.now() - startedAt);
}
