/**
 * The lease and its term, and what an answer of Consul tells: words that the decision core has from here. All times are
 * milliseconds of the host's own boot-time clock.
 */
import type { PowerProof } from "../../contract/fencing.ts";
import type { LockView } from "./lock-record.ts";

/** Our right to sign: until `deadlineMs`, under `epoch`, proven by `session`. */
export interface Lease {
  readonly session: string;
  readonly epoch: number;
  readonly deadlineMs: number;
  /** When the last renewal was sent, answered or not. */
  readonly lastSentMs: number;
  readonly seq: number;
  readonly sessionRenewedMs: number;
  /** When the fence was fed last, and up to which deadline. */
  readonly fedMs: number;
  readonly fedUntilMs: number;
}

/** What is to be remembered of a holder's term when its agent is restarted. */
export interface Term {
  readonly story: TakeOverStory;
  /** When its neard confirmed the key, and this host became active; null: not yet. */
  readonly activeMs: number | null;
}

export interface TakeOverStory {
  readonly from: string | null;
  readonly kind: "first" | "failover" | "switchover";
  readonly because: string;
  readonly startedMs: number;
  /** When the old holder gave the last sign of itself: its last renewal that was seen, or its release. */
  readonly lastSeenMs: number;
  /** How many take-overs in a row before this one ended with a neard that died of them; see deaths.ts. */
  readonly deaths: number;
  /** The old holder that was waited for in vain and said nothing; null: there was none, or it let go by itself. */
  readonly silent: string | null;
  /** What is known of the old host's power; null: nobody had to know. */
  readonly fenced: PowerProof | null;
}

/** What a neard host says of itself in Consul, and when we saw it say so last. */
export interface PeerNote {
  readonly ready: boolean;
  readonly because: string;
  /** The switchover for which it stands ready. */
  readonly ack: string | null;
  /** For so long it will stand ready for none, rounded up to ten seconds; null: while the lock is as it sees it. */
  readonly acksInS: number | null;
  /** Its neard has the key, and its fence is not shut for a switchover. */
  readonly isActive: boolean;
  /** It wants the others to say that they hold nothing: what their answers must name. See roll-call.ts. */
  readonly asks: string | null;
  /** It said, sealed, that it holds nothing, in answer to our roll call of this number. */
  readonly cleared: number | null;
  /** The host whose power it is cutting. */
  readonly fencing: string | null;
  readonly modifyIndex: number;
  readonly seenMs: number;
}

/** The switchover key: the holder asks `to` to stand ready. */
export interface SwitchoverNote {
  readonly id: string;
  readonly from: string;
  readonly to: string;
}

/** One answer of the queries that follow all keys of the cluster. */
export interface Observed {
  readonly is: "observed";
  readonly sentMs: number;
  /** Another answer came since it was asked for: it may be the older one. */
  readonly isOvertaken?: boolean;
  readonly index: number;
  readonly lock: LockView;
  readonly paused: boolean;
  readonly switchover: SwitchoverNote | null;
  readonly notes: Readonly<Record<string, Omit<PeerNote, "seenMs">>>;
}
