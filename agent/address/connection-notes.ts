/**
 * What the active host writes down of its neard's connections, for whoever must end them when it is dark
 * (half-open.ts). Only a note: one that is old or missing makes peers learn it later, and nothing else.
 */
import { textOf } from "../../contract/wire/format.ts";
import { connectionsNoteShape } from "../../contract/wire/notes.ts";
import type { TcpSocket } from "../../host/system/sockets.ts";
import { connectionsOf } from "./half-open.ts";

/** A connection that took the place of another, so that the count is the same, is written down this many looks later at most. */
const unaskedLooks = 6;

export interface ConnectionNotes {
  /** neard's user. */
  readonly uid: number;
  /** The address that a successor may answer for. */
  readonly address: string;
  isActive(): boolean;
  /** Changes when a connection begins or ends, and costs next to nothing; `sockets` costs milliseconds. */
  counts(): string;
  sockets(): readonly TcpSocket[];
  /** @throws Error when it could not be written; it is written the next time then */
  write(text: string): Promise<void>;
}

/** One look: written where this host is active, and only what has changed since the last time. */
export function connectionNotes(options: ConnectionNotes): () => Promise<void> {
  const { uid, address, isActive, counts, sockets, write } = options;
  let written = "";
  /** When all were looked at last and the note was right after it. */
  let settled: { readonly counts: string; looks: number } | null = null;
  return async () => {
    if (!isActive()) {
      settled = null;
      return;
    }
    // Before the sockets: what comes in between is seen by the next look.
    const now = counts();
    if (settled !== null && settled.counts === now && ++settled.looks < unaskedLooks) return;
    settled = null;
    const text = textOf(connectionsNoteShape, { connections: connectionsOf(sockets(), uid, address) });
    if (text !== written) await write(text);
    written = text;
    settled = { counts: now, looks: 0 };
  };
}
