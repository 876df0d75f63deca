/** How many blocks of all validators the chain took in any ten seconds. Pure. */
import type { SlotEvent } from "./witness-event.ts";

export const paceWindowMs = 10_000;

export interface Pace {
  /** Null until ten seconds are over. */
  readonly medianPer10s: number | null;
  readonly slowestPer10s: number | null;
}

/** Windows begin with every slot; `slots` are over, in order of height. */
export function paceOf(slots: readonly SlotEvent[], slotMs: number): Pace {
  const counts: number[] = [];
  const endMs = (slots.at(-1)?.startMs ?? 0) + slotMs;
  let next = 0;
  let inside = 0;
  for (const [i, first] of slots.entries()) {
    const untilMs = first.startMs + paceWindowMs;
    if (untilMs > endMs) break;
    for (let slot = slots[next]; slot !== undefined && slot.startMs < untilMs; slot = slots[++next])
      if (slot.accepted) inside++;
    counts.push(inside);
    if (slots[i]?.accepted) inside--;
  }
  counts.sort((a, b) => a - b);
  return { medianPer10s: counts[counts.length >> 1] ?? null, slowestPer10s: counts[0] ?? null };
}
