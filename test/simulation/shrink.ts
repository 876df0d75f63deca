/**
 * Cuts a failing schedule down to the few faults that it takes ("delta debugging", Zeller and Hildebrandt,
 * 2002): parts of it alone, and all but a part, large ones first and then ever smaller ones, for as long as the same
 * promise is still broken.
 * Awkward case: what is left out also changes what the cluster draws by chance from there on, its delays and elections,
 * and with them whether the faults that are left do harm. So each try has several draws, and one that fails will do.
 */
import { seedFor } from "./random.ts";
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

/** Draws for each try; the first is the one that failed last. A run takes some 30 ms. */
const draws = 12;

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
    const { shape } = best.schedule;
    for (let draw = 0; draw < draws; draw += 1) {
      const seed = draw === 0 ? shape.seed : seedFor(schedule.shape.seed, draw);
      const candidate = { ...scheduleOf(best.schedule, pieces), shape: { ...shape, seed } };
      const violation = await attempt(candidate);
      if (violation === null || violation.promise !== first.promise) continue;
      best = { schedule: candidate, violation };
      tell(pieces.length, runs);
      return true;
    }
    return false;
  };

  for (let parts = 2; ; ) {
    const pieces = piecesOf(best.schedule);
    if (pieces.length < 2) break;
    const part = (i: number) => {
      const [from, to] = [i, i + 1].map((n) => Math.floor((n * pieces.length) / parts));
      return { alone: pieces.slice(from, to), without: pieces.filter((_, at) => at < (from ?? 0) || at >= (to ?? 0)) };
    };
    const found = await firstThat(parts, async (i) => await tryOnly(part(i).alone));
    if (found) parts = 2;
    else if (parts > 2 && (await firstThat(parts, async (i) => await tryOnly(part(i).without)))) parts -= 1;
    else if (parts < pieces.length) parts = Math.min(2 * parts, pieces.length);
    else break;
  }
  return { ...best, runs };
}

/** Whether it is so for one of `0` to `count - 1`; none after that one is tried. */
async function firstThat(count: number, isSo: (i: number) => Promise<boolean>): Promise<boolean> {
  for (let i = 0; i < count; i += 1) if (await isSo(i)) return true;
  return false;
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
