/**
 * That the lock is doubted is written down for the agent that comes after this one (agent/lease/doubt-file.ts), and that
 * the doubt is over. Pure.
 *
 * Think of a note on the fridge: who finds no pen looks for one until the note is there, or is not needed any more.
 * Not promised: that an agent which ends before it could write has told its successor.
 */
import type { Draft } from "./transitions.ts";
import type { DoubtNote, Event } from "./types.ts";

/** A write that failed is tried again after this. */
const retryMs = 1000;

/** @param isDoubted what was found; where there was a doubt it may be that nothing could be read, so it is written anew */
export function doubtNoteFound(isDoubted: boolean): DoubtNote {
  return { isDoubted: isDoubted ? null : false, askedMs: Number.NEGATIVE_INFINITY, fault: null };
}

/** Called at the end of every event. */
export function keepDoubtNote(draft: Draft, event: Event, wasDoubted: boolean): void {
  const { isDoubted } = draft.state.watch;
  if (event.is === "doubt-noted") {
    const { fault } = event;
    const { doubtNote: before } = draft.state;
    const noted = fault === null ? event.isDoubted : before.isDoubted;
    draft.state = { ...draft.state, doubtNote: { ...before, isDoubted: noted, fault } };
    return;
  }
  const { doubtNote } = draft.state;
  const isDue = isDoubted !== doubtNote.isDoubted && draft.nowMs - doubtNote.askedMs >= retryMs;
  if (isDoubted === wasDoubted && !isDue) return;
  draft.state = { ...draft.state, doubtNote: { ...doubtNote, askedMs: draft.nowMs } };
  draft.effects.push({ do: "note-doubt", isDoubted });
}
