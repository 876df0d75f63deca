/** What a listing of the fence's table says: whether neard's packets get out. Pure. */
import { armedMark } from "../../agent/fence/ruleset.ts";

/**
 * Open when it is not armed, or the epoch's element is alive and the wall clock before the deadline. What cannot
 * be read counts as open: then an overlap may be told that was none, and none stays untold.
 * @param listing of `nft list table`, its times in UTC
 */
export function letsOut(listing: string, nowMs: number): boolean {
  if (armedMark(listing) === null) return true;
  const set = /set alive \{(.*?)\n\t\}/s.exec(listing)?.[1];
  if (set !== undefined && !set.includes("elements = {")) return false;
  const deadline = /chain deadline \{\s*meta time < "?([^"\n]+?)"? accept/.exec(listing)?.[1];
  if (deadline === undefined) return true;
  const deadlineMs = /^\d+$/.test(deadline) ? Number(deadline) * 1000 : Date.parse(`${deadline.replace(" ", "T")}Z`);
  return Number.isNaN(deadlineMs) || nowMs < deadlineMs;
}
