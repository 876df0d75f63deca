/**
 * What the active host writes down of its neard's connections, for whoever must end them when it is dark
 * (half-open.ts). Only a note: one that is old or missing makes peers learn it later, and nothing else.
 */
import { textOf } from "../../contract/wire/format.ts";
import { connectionsNoteShape } from "../../contract/wire/notes.ts";
import type { TcpSocket } from "../../host/system/sockets.ts";
import { connectionsOf } from "./half-open.ts";

export interface ConnectionNotes {
  /** neard's user. */
  readonly uid: number;
  /** The address that a successor may answer for. */
  readonly address: string;
  isActive(): boolean;
  sockets(): readonly TcpSocket[];
  /** @throws Error when it could not be written; it is written the next time then */
  write(text: string): Promise<void>;
}

/** One look: written where this host is active, and only what has changed since the last time. */
export function connectionNotes({ uid, address, isActive, sockets, write }: ConnectionNotes): () => Promise<void> {
  let written = "";
  return async () => {
    if (!isActive()) return;
    const text = textOf(connectionsNoteShape, { connections: connectionsOf(sockets(), uid, address) });
    if (text === written) return;
    await write(text);
    written = text;
  };
}
