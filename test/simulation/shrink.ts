/**
 * Cuts a failing schedule down to the few faults that it takes ("delta debugging", Zeller and Hildebrandt,
 * 2002): large pieces first, then ever smaller ones, for as long as the same promise is still broken.
 */
import type { Schedule, Storm } from "./schedule.ts";
import { replay } from "./simulate.ts";
import type { Violation } from "./witness.ts";

export interface Shrunk {
  readonly schedule: Schedule;
  readonly violation: Violation;
  /** How many runs it took. */
  readonly runs: number;
}

interface Piece {
  readonly storm: number;
  readonly fault: Storm["faults"][number];
}

/** `tell` hears how many faults are left. @throws Error when the schedule breaks no promise. */
export async function shrink(
  schedule: Schedule,
  tell: (faults: number, runs: number) => void = () => {},
): Promise<Shrunk> {
  let runs = 0;
  const attempt = async (candidate: Schedule): Promise<Violation | null> => {
    runs += 1;
    return (await replay(candidate)).violation;
  };
  const first = await attempt(schedule);
  if (first === null) throw new Error("this schedule breaks no promise");
  let best = { schedule: scheduleOf(schedule, piecesOf(schedule)), violation: first };

  const tryOnly = async (pieces: readonly Piece[]): Promise<boolean> => {
    const candidate = scheduleOf(best.schedule, pieces);
    const violation = await attempt(candidate);
    if (violation === null || violation.promise !== first.promise) return false;
    best = { schedule: candidate, violation };
    tell(pieces.length, runs);
    return true;
  };

  for (let size = Math.ceil(piecesOf(best.schedule).length / 2); size >= 1; ) {
    let isSmaller = false;
    for (let from = 0; from < piecesOf(best.schedule).length; ) {
      const pieces = piecesOf(best.schedule);
      const left = [...pieces.slice(0, from), ...pieces.slice(from + size)];
      if (await tryOnly(left)) isSmaller = true;
      else from += size;
    }
    if (size === 1 && !isSmaller) break;
    size = isSmaller ? Math.min(size, Math.ceil(piecesOf(best.schedule).length / 2)) : Math.floor(size / 2);
  }
  return { ...best, runs };
}

function piecesOf(schedule: Schedule): Piece[] {
  return schedule.storms.flatMap((storm, i) => storm.faults.map((fault) => ({ storm: i, fault })));
}

/** Storms without faults are gone; the others last as long as they did, for what is under way needs its time. */
function scheduleOf(schedule: Schedule, pieces: readonly Piece[]): Schedule {
  const storms = schedule.storms
    .map((storm, i) => ({ ...storm, faults: pieces.filter((piece) => piece.storm === i).map((piece) => piece.fault) }))
    .filter((storm) => storm.faults.length > 0);
  return { ...schedule, storms };
}
