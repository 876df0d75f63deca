/**
 * Whether an answer of neard's comes from the process that gave the one before, told by its `uptime_sec`. Pure.
 *
 * neard counts its age by the wall clock, and so does who asks it, so both must say it: it claims to be younger than
 * it was, *and* to have begun later by the clock of this host. A clock that is set back makes it look younger, but
 * moves its beginning with it; one that is set on moves the beginning alone. Awkward case: a neard that re-executes
 * itself within two seconds of its start is not told apart; nothing was loaded into it yet, and no SIGHUP is ever sent
 * on the word of an answer that is not of this moment (driver.ts).
 */

/** What one answer says of its process. */
export interface Age {
  /** `uptime_sec`. */
  readonly uptimeS: number;
  /** When it began by this host's wall clock, in whole seconds; one more or less for rounding. */
  readonly beganS: number;
}

/** @param wallMs this host's wall clock when the answer came; null: neard does not say how old it is */
export function ageFrom(uptimeSec: number | undefined, wallMs: number): Age | null {
  return uptimeSec === undefined ? null : { uptimeS: uptimeSec, beganS: Math.floor(wallMs / 1000) - uptimeSec };
}

export function isYounger(now: Age, before: Age): boolean {
  return now.uptimeS < before.uptimeS && now.beganS > before.beganS + 1;
}
