/** The releases that were shipped, and where what they write is recorded. */
import { join } from "node:path";

/** Oldest first. A release is added when it ships, with the commit that it was; its own fixture stays as it is then. */
export const shipped = [{ release: "0.1.0", commit: "96c8e17e313b1775b817791fdbb02133e475ba2c" }] as const;

export function fixtureOf(release: string): string {
  return join(import.meta.dirname, "fixtures", `${release}.json`);
}
