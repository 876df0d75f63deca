/** Whether a switchover that somebody asks for may begin, and to whom. Pure. */
import type { LeaseTiming } from "../../contract/timing.ts";
import type { SwitchoverRequest } from "../../contract/wire/agent-status.ts";
import type { PeerNote, Settings, State } from "./types.ts";
import { freshNote } from "./watch.ts";

/** A holder waits so long for its successor's word: that one may need takeoverMs until it can believe our marker, and a moment to say so. */
export function ackWithinMs({ takeoverMs }: LeaseTiming): number {
  return takeoverMs + 3000;
}

export interface NotAdmitted {
  readonly refused: string;
  readonly next: string;
  /** True: only the notes of the others stand against it, and those may be about to change. */
  readonly mayPass: boolean;
}

export type Admission = { readonly to: string } | NotAdmitted;

export function admitSwitchover(
  settings: Settings,
  state: State,
  request: SwitchoverRequest,
  nowMs: number,
): Admission {
  if (state.phase.name === "handing")
    return {
      refused: `a switchover to ${state.phase.job.to} is under way`,
      next: "let it come to its end; holdfast status --watch shows how far it is",
      mayPass: false,
    };
  if (state.phase.name !== "active")
    return {
      refused: `${settings.host} is not active (it is ${state.phase.name})`,
      next: "ask the active host; holdfast status shows which one it is",
      mayPass: false,
    };
  if (state.phase.swap !== null)
    return {
      refused: `${settings.host} is going over to the account's new key`,
      next: "ask again in half a minute",
      mayPass: true,
    };
  if (request.to === settings.host)
    return { refused: `${settings.host} is active already`, next: "choose another host, or none", mayPass: false };
  if (request.to !== undefined && !settings.peers.some((peer) => peer.host === request.to))
    return {
      refused: `${request.to} is not a neard host of this cluster`,
      next: `choose one of ${settings.peers.map((peer) => peer.host).join(", ")}`,
      mayPass: false,
    };
  const candidates = settings.peers
    .filter((peer) => peer.host !== settings.host && (request.to === undefined || peer.host === request.to))
    .sort((a, b) => b.priority - a.priority || (a.host < b.host ? -1 : 1));
  const ready = candidates.find((peer) => whyNot(freshNote(state.watch, peer.host, nowMs)) === null);
  if (ready !== undefined) return { to: ready.host };
  const notes = candidates.map((peer) => ({ host: peer.host, note: freshNote(state.watch, peer.host, nowMs) }));
  const reasons = notes.map(({ host, note }) => `${host}: ${whyNot(note)}`);
  const soonest = notes
    .flatMap(({ note }) => (note?.ready && note.acksInS !== null ? [note.acksInS] : []))
    .toSorted((a, b) => a - b)[0];
  return {
    refused: `no standby is ready (${reasons.join("; ")})`,
    next:
      soonest === undefined
        ? "mend the standby first; holdfast status shows its state"
        : `ask again in ${soonest} s; holdfast status shows why`,
    mayPass: true,
  };
}

/** What keeps a standby from standing ready for a switchover, by its own word; null: nothing. */
export function whyNot(note: PeerNote | null): string | null {
  if (note === null) return "has not been heard of lately";
  if (!note.ready) return note.because;
  if (note.acksInS === 0) return null;
  const long = note.acksInS === null ? "while the lock is as it sees it" : `for up to ${note.acksInS} s yet`;
  return `would not believe ${long} that the holder has let go`;
}
