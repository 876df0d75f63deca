/**
 * A take-over whose neard dies within seconds is none: what killed it (a key that does not count, a configuration,
 * a build) may be waiting on the next host too, and a cluster that repeats it blindly kills one neard after the other.
 *
 * The clean marker carries how many take-overs in a row ended like that. The next host looks at its own key and
 * configuration first, by an answer that is younger than the death, and waits; longer each time, and never for good:
 * a neard that crashed once by chance must not cost the validator more than the seconds of the first wait.
 */
import type { CleanMarker } from "../../contract/wire/lock-record.ts";
import type { AccountSight, TakeOverStory } from "./types.ts";

/** Within so long of getting the key, neard's death counts as the take-over's: twice what a wrong key takes at most (facts). */
export const earlyMs = 12_000;
/** By the number of deaths in a row. The first is most often chance, so it costs little more than the look at the key. */
const backoffMs = [0, 1000, 5000, 15_000, 30_000] as const;
/** What an answer about the key is waited for besides. */
const unknownKeyMs = 8000;
/** The host on which it died leaves the next try to another one, for the cause may be its own. */
const ownDeathMs = 4000;

/** What a take-over adds when neard died; 0: it died of something else. `sinceMs`: when this host became active. */
export function deathsAfter({ deaths }: Pick<TakeOverStory, "deaths">, sinceMs: number, nowMs: number): number {
  return nowMs - sinceMs <= earlyMs ? deaths + 1 : 0;
}

export interface Backoff {
  /** Counted from when the marker was seen. */
  readonly waitMs: number;
  readonly because: string;
}

/** Null: no take-over died. `seenMs`: when `host` saw the marker. */
export function backoffAfter(
  marker: CleanMarker | null,
  host: string,
  sight: AccountSight | null,
  seenMs: number,
): Backoff | null {
  if (marker === null || marker.deaths === 0) return null;
  const isKeyKnown = sight !== null && sight.atMs >= seenMs;
  const lengthMs = backoffMs[marker.deaths] ?? Math.max(...backoffMs);
  const times = marker.deaths === 1 ? "" : ` (the ${ordinal(marker.deaths)} take-over in a row to end so)`;
  const unknown = isKeyKnown ? "" : "; neard has not said since then which key counts";
  return {
    waitMs: lengthMs + (isKeyKnown ? 0 : unknownKeyMs) + (marker.by === host ? ownDeathMs : 0),
    because: `${marker.because}${times}${unknown}`,
  };
}

function ordinal(count: number): string {
  return `${count}${["th", "st", "nd", "rd"][count % 100 > 10 && count % 100 < 14 ? 0 : count % 10] ?? "th"}`;
}
