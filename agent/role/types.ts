/**
 * The words of the decision core: what it knows (State), what happens to it (Event), what it wants
 * done (Effect). All times are milliseconds of the host's own boot-time clock.
 */
import type { FencingMode, PowerProof } from "../../contract/fencing.ts";
import type { LeaseTiming } from "../../contract/timing.ts";
import type { CleanMarker } from "../../contract/wire/lock-record.ts";
import type { Doubt, Proven } from "../lease/doubt.ts";
import type { LockView } from "../lease/lock-record.ts";
import type { Lease, Observed, PeerNote, SwitchoverNote, TakeOverStory, Term } from "../lease/types.ts";

export type { Lease, PeerNote, SwitchoverNote, TakeOverStory, Term };

/** What does not change while the agent runs. */
export interface Settings {
  readonly host: string;
  readonly priority: number;
  readonly peers: readonly { readonly host: string; readonly priority: number }[];
  readonly lease: LeaseTiming;
  /** Of `validatorKey`. */
  readonly publicKey: string;
  /** Of `nextValidatorKey`, while the account's key is being changed; null: there is none. See keys.ts. */
  readonly nextPublicKey: string | null;
  readonly chainId: string;
  readonly maxHeadAgeMs: number;
  readonly hungMs: number;
  readonly fencing: FencingSettings;
}

/** Power-off fencing; see fencing.ts. */
export interface FencingSettings {
  readonly mode: FencingMode;
  /** A host that was shown to be off, and was watched, is not waited for. */
  readonly skipWait: boolean;
  /** Whose power can be cut, and how long one try may take. */
  readonly devices: readonly { readonly host: string; readonly withinMs: number }[];
}

/** neard as last asked. */
export interface Probe {
  readonly atMs: number;
  /** Process id and start time, as one text: another process never has the same. Null: none runs. */
  readonly process: string | null;
  /** It answered `/status` on this try. */
  readonly answered: boolean;
  readonly chainId: string | null;
  readonly syncing: boolean;
  readonly headAgeMs: number;
  readonly height: number | null;
  /** The live signer, by neard's own word; null: none. */
  readonly validatorKey: string | null;
  /** `near_config_correct`; null when not known. */
  readonly configCorrect: boolean | null;
  readonly version: string | null;
  readonly protocolVersion: number | null;
  readonly latestProtocolVersion: number | null;
}

/** How many duties of one kind fell due, and how many of them the chain took. */
export interface Count {
  readonly produced: number;
  readonly expected: number;
}

export interface Duties {
  readonly blocks: Count;
  readonly chunks: Count;
  readonly endorsements: Count;
}

/** What neard says of our account in the present NEAR epoch, up to its head (JSON-RPC `validators`). */
export interface AccountSight {
  /** When it was asked. */
  readonly atMs: number;
  /** `epoch_height`. */
  readonly nearEpoch: number;
  /** Validates in this NEAR epoch; only in the next; in neither. */
  readonly standing: "validating" | "next" | "none";
  /** Blocks, chunks and endorsements together. */
  readonly produced: number;
  readonly expected: number;
  readonly duties: Duties;
  /** The account's public key on chain in this NEAR epoch, and in the next; null where it does not validate. */
  readonly key: string | null;
  readonly nextKey: string | null;
  /** The next NEAR epoch does not begin before this height; null: not asked, for the key stays the same. */
  readonly nextStartHeight: number | null;
}

/** What the chain took since neard got the key; see heard.ts. */
export interface Heard {
  /** Of this take-over; null: an agent that was restarted goes on with an older one. */
  readonly entry: { readonly epoch: number; readonly story: TakeOverStory; readonly tookMs: number } | null;
  /** From when neard has had the key, as far as this agent knows. */
  readonly sinceMs: number;
  /** The last answer that was counted in; null: none yet. */
  readonly last: AccountSight | null;
  readonly total: Duties;
  /** What each of the latest answers added. */
  readonly recent: readonly { readonly atMs: number; readonly duties: Duties }[];
  /** When anything of ours, and when a block of ours, was seen counted first. */
  readonly firstMs: number | null;
  readonly firstBlockMs: number | null;
  /** It was heard once: enough fell due, and was taken. */
  readonly isSettled: boolean;
  /** Since when it is not heard, and its duties since then; null: it is, or nothing is known yet. */
  readonly lost: { readonly sinceMs: number; readonly duties: Duties } | null;
}

/** What was seen of the account before this deployment's first activation; see guard.ts. */
export interface Guard {
  /** When neard was asked last, answered or not. */
  readonly askedMs: number | null;
  /** The last answer of an unbroken watch. */
  readonly last: AccountSight | null;
  /** From here on nothing of the account was seen (later by what could not be watched: a NEAR epoch's last seconds) ... */
  readonly silentSinceMs: number;
  /** ... although it had so many duties. */
  readonly missed: number;
  /** When it was seen producing last; null: never. */
  readonly producedMs: number | null;
}

/** Signs of somebody who tampers with the lock, or puts Consul's data back. */
export interface Tampering {
  /** Since this agent's start. */
  readonly count: number;
  /** When the last of them was seen. */
  readonly atMs: number;
  /** What it was: a clause. */
  readonly because: string;
}

/** The lock and its surroundings, as followed by consistent blocking queries. */
export interface Watch {
  /** When the last answered consistent read was *sent*; null: never yet. */
  readonly confirmedMs: number | null;
  /** From here the standby waits `takeoverMs`. */
  readonly changedMs: number;
  /** Since when the watch has neither a gap nor a doubt in it. */
  readonly anewMs: number;
  /**
   * The session that we have watched hold the lock without a break since `sinceMs`; kept when it lets go. Whoever held
   * it before is not heard any more from `othersOverMs` on.
   * Null: nobody holds it, and we merely found what is there, as one finds what a restored snapshot brings back.
   */
  readonly held: { readonly session: string; readonly sinceMs: number; readonly othersOverMs: number } | null;
  /** Consul's index of the whole prefix. */
  readonly index: number;
  readonly lock: LockView | null;
  /**
   * For how long after its sending the last record that gave somebody a lease lets him be heard; `longestHeardMs` where
   * it is not known who wrote it, or what was in its place.
   */
  readonly heardMs: number;
  /** From here on nobody is heard for whom any record stood that was seen, or could have been missed. Never goes back. */
  readonly overMs: number;
  /** Null: no record with a right seal was seen, or a doubt came after it. */
  readonly proven: Proven | null;
  /** Why the last answer is not believed, or what it tells of somebody who tampers; null: nothing new is wrong. */
  readonly doubt: Doubt | null;
  /** There was a doubt, and no holder has been watched in office since for so long that whoever it concealed is over. */
  readonly isDoubted: boolean;
  readonly paused: boolean;
  readonly switchover: SwitchoverNote | null;
  readonly notes: Readonly<Record<string, PeerNote>>;
}

export interface SwitchoverJob {
  readonly id: string;
  readonly to: string;
  readonly window: boolean;
  readonly startedMs: number;
}

export interface StandbyPhase {
  readonly name: "standby";
  readonly attempt: Attempt;
}

export type TakingStep = "resuming" | "arming" | "loading" | "verifying";

export interface TakingPhase {
  readonly name: "taking";
  readonly lease: Lease;
  readonly step: TakingStep;
  /** When the step began. */
  readonly stepMs: number;
  readonly reloads: number;
  readonly story: TakeOverStory;
  /** The public key that neard shall have. */
  readonly key: string;
  /** Of a term that an agent goes on with after its restart: as in Term. */
  readonly activeMs: number | null;
}

/** The account's key is being changed in a neard that goes on; see rotation.ts. */
export interface Swap {
  readonly step: "unloading" | "absent" | "loading" | "verifying";
  /** When the step began. */
  readonly stepMs: number;
  readonly startedMs: number;
  /** The key that is to be loaded. */
  readonly to: string;
  /** From which height on it counts, as far as was known at the start. */
  readonly fromHeight: number;
  readonly reloads: number;
}

export interface ActivePhase {
  readonly name: "active";
  readonly lease: Lease;
  readonly process: string;
  readonly lastGoodMs: number;
  /** The public key that neard shall have; during a swap the one that it had. */
  readonly key: string;
  readonly swap: Swap | null;
  /** The NEAR epoch whose end was waited for in vain: the old key was put back, and stays in it. */
  readonly swappedBackIn: number | null;
  /** How this host came to hold. */
  readonly story: TakeOverStory;
}

export type HandingStep = "asking" | "window" | "shutting" | "unloading" | "verifying" | "releasing";

export interface HandingPhase {
  readonly name: "handing";
  readonly lease: Lease;
  readonly step: HandingStep;
  readonly stepMs: number;
  readonly job: SwitchoverJob;
  readonly process: string;
  /** As in ActivePhase, which a dropped switchover leads back to. */
  readonly key: string;
  readonly story: TakeOverStory;
  /** As in ActivePhase: until the fence shuts this host validates, and must be able to. */
  readonly lastGoodMs: number;
  /** In step `window`: when it opens; null while unknown. */
  readonly windowMs: number | null;
  /** neard's head, asked once the fence was shut: no block of ours that got out is higher. Null: not asked yet. */
  readonly height: number | null;
}

export type DemotingStep = "shutting" | "killing" | "erasing" | "releasing" | "disarming" | "starting";

export interface DemotingPhase {
  readonly name: "demoting";
  readonly step: DemotingStep;
  readonly stepMs: number;
  /** The kernel has shown that the fence is shut. Until then nothing is released. */
  readonly isShut: boolean;
  /** neard was killed and the key erased. */
  readonly isEnded: boolean;
  /** For which the fence is armed if it is gone; null: not known. */
  readonly epoch: number | null;
  /** To be released with a clean marker once the proof is complete; null: nothing to release. */
  readonly release: { readonly session: string; readonly epoch: number; readonly seq: number } | null;
  readonly to: string | null;
  readonly switchover: string | null;
  /** As in HandingPhase. */
  readonly height: number | null;
  /** So many take-overs in a row, this one included, ended with a neard that died of them. 0: this one did not. */
  readonly deaths: number;
  readonly because: string;
}

/** A phase in which this host has a lease. */
export type HolderPhase = TakingPhase | ActivePhase | HandingPhase;

export type Phase = StandbyPhase | HolderPhase | DemotingPhase;

/** A standby's try to take over. */
export type Attempt =
  | { readonly step: "none"; readonly session: string | null; readonly notBeforeMs: number }
  | { readonly step: "session"; readonly sinceMs: number }
  | {
      readonly step: "lock";
      readonly session: string;
      readonly sinceMs: number;
      readonly story: TakeOverStory;
    };

export interface SwitchoverOutcome {
  readonly id: string;
  readonly to: string;
  /** Under which this host held when it was asked. */
  readonly epoch: number;
  /** `done` once the successor is active; a lock that it merely took may be given back. */
  readonly state: "waiting" | "running" | "done" | "failed";
  readonly because: string;
}

/** Under which term of the lock something was seen: every acquisition moves the epoch. */
export interface LockTerm {
  readonly epoch: number;
  /** The session that its record names; null: none that can be read. */
  readonly session: string | null;
  /** Of that record: a renewal after the question shows its holder alive, and then no answer counts any more. */
  readonly seq: number | null;
  /** As in Watch: what was asked before a gap or a doubt says nothing of whoever may have held in it. */
  readonly anewMs: number;
}

/** A question to a power device, or an order, that is under way. */
export interface PowerJob {
  readonly number: number;
  readonly host: string;
  readonly term: LockTerm;
  /** `look` reads, `off` cuts the power and reads it back. */
  readonly what: "look" | "off";
  readonly sinceMs: number;
  /** What has gone wrong with it so far; null: nothing. It goes on all the same. */
  readonly trouble: string | null;
}

/** What a standby knows of the power of whoever may still run. See fencing.ts. */
export interface Fencing {
  /** Answers name the roll call's number: those to an earlier one count for nothing. Null: nobody is asked. */
  readonly call: { readonly number: number; readonly term: LockTerm } | null;
  readonly job: PowerJob | null;
  /** Numbers of calls and jobs, since this agent's start. */
  readonly count: number;
  /** Of `term`, at most one for each host. */
  readonly proofs: readonly PowerProof[];
  readonly term: LockTerm | null;
  /** Tries for `term` that did not show it off, and why the last one did not. */
  readonly tries: number;
  readonly failure: PowerProof | null;
  /**
   * Orders for `term` in a row that were broken off before they came to anything, and why the last one was; null: none was
   * since the last try that counts.
   */
  readonly brokenOff: { readonly count: number; readonly because: string } | null;
  /** No next try before this. */
  readonly notBeforeMs: number;
  /** What was done last, of whichever term. */
  readonly last: PowerProof | null;
}

/** What the agent that comes after this one will find of Watch.isDoubted; see doubt-note.ts. */
export interface DoubtNote {
  /** As it was last written down; null: that is not known. */
  readonly isDoubted: boolean | null;
  /** When that was last asked for. */
  readonly askedMs: number;
  /** Why it is not written down as it should be; null: nothing is known against it. */
  readonly fault: string | null;
}

/** The order to keep still; see stand-down.ts. */
export interface StandDown {
  readonly id: string;
  readonly untilMs: number;
  readonly because: string;
}

export interface State {
  readonly phase: Phase;
  readonly because: string;
  readonly sinceMs: number;
  readonly watch: Watch;
  /** Null: none was seen. */
  readonly tampering: Tampering | null;
  readonly probe: Probe | null;
  /** The sealed key is readable and is the right one. */
  readonly keyAvailable: boolean;
  /** The same of the next one. */
  readonly nextKeyAvailable: boolean;
  /** Why the key could not be put where neard finds it; null: nothing is known against it. */
  readonly keyPlaceFault: string | null;
  /** What neard said last of the account, and when it was asked last. See account.ts. */
  readonly sight: AccountSight | null;
  readonly sightAskedMs: number | null;
  /** Null while this host does not validate. */
  readonly heard: Heard | null;
  /** What we last wrote about ourselves to Consul. */
  readonly published: { readonly text: string; readonly atMs: number } | null;
  readonly lastSwitchover: SwitchoverOutcome | null;
  /** Null once anybody held the lock: it concerns the first activation alone. */
  readonly guard: Guard | null;
  /** `wasDoubted`, `overMs`: as in Watch, when it began. */
  readonly standDown: (StandDown & { readonly wasDoubted: boolean; readonly overMs: number }) | null;
  readonly fencing: Fencing;
  readonly doubtNote: DoubtNote;
  /** This host holds nothing, and its neard was shown to have no key since it last could: see roll-call.ts. */
  readonly isKeyless: boolean;
  /** Counts effects whose answers matter, so that a late answer to an abandoned one is known as such. */
  readonly serial: number;
}

/**
 * A change of state to be made outside, by the edge. Those with `serial` are answered by an event
 * with the same number; `delayMs` asks the edge to wait that long before it starts.
 */
export type Effect =
  /** Unlocked, and only if it does not exist: a lock without a record cannot be watched. */
  | { readonly do: "create-lock" }
  | { readonly do: "create-session"; readonly serial: number }
  | {
      readonly do: "take-over";
      readonly serial: number;
      readonly session: string;
      readonly lock: LockView;
      /** Not if the cluster has been paused since we looked. */
      readonly unlessPaused: boolean;
    }
  /** `heardMs`: for how long from now this host can be heard if the renewal is accepted. */
  | {
      readonly do: "renew";
      readonly session: string;
      readonly epoch: number;
      readonly seq: number;
      readonly heardMs: number;
    }
  | { readonly do: "renew-session"; readonly session: string }
  | { readonly do: "destroy-session"; readonly session: string }
  | {
      readonly do: "release";
      readonly serial: number;
      readonly session: string;
      readonly seq: number;
      readonly marker: CleanMarker;
      readonly delayMs?: number;
    }
  | { readonly do: "save-lease"; readonly lease: Lease; readonly term: Term }
  | { readonly do: "forget-lease" }
  /** For the agent that comes after this one. Answered by `doubt-noted`. */
  | { readonly do: "note-doubt"; readonly isDoubted: boolean }
  | { readonly do: "arm"; readonly serial: number; readonly epoch: number }
  | { readonly do: "feed"; readonly epoch: number; readonly untilMs: number }
  /** `epoch`: for which it is armed if it has to be put back. Done means that the kernel was asked, and has it shut. */
  | { readonly do: "shut"; readonly serial: number; readonly epoch: number | null; readonly delayMs?: number }
  | { readonly do: "disarm"; readonly serial: number; readonly delayMs?: number }
  /** `key`: which of the sealed keys, by its public half. */
  | { readonly do: "load-key"; readonly serial: number; readonly key: string }
  | { readonly do: "unload-key"; readonly serial: number }
  | { readonly do: "kill-neard"; readonly serial: number; readonly delayMs?: number }
  | { readonly do: "erase-key"; readonly serial: number; readonly delayMs?: number }
  | { readonly do: "start-neard"; readonly serial: number; readonly delayMs?: number }
  /** Nothing waits for it: it ends the connections that the peers of a host which is dark still hold. */
  | { readonly do: "answer-for"; readonly host: string }
  /**
   * Answered by `power-seen` with the same job. `look` reads the device; `off` cuts the power and reads it back, and only
   * while the lock is still `lock` by a consistent read just before. Given up after `failures` in a row; null: not before
   * `withinMs`. What goes wrong meanwhile is told by `power-trouble`.
   */
  | {
      readonly do: "power";
      readonly job: PowerJob;
      readonly lock: LockView;
      readonly withinMs: number;
      readonly failures: number | null;
    }
  /** Nothing more is to be sent to the device for this job. */
  | { readonly do: "abandon-power"; readonly job: number }
  | { readonly do: "probe-soon" }
  /** Answered by `account-seen`, or not at all. */
  | { readonly do: "ask-account" }
  | { readonly do: "find-window"; readonly serial: number; readonly delayMs?: number }
  /** Answered by `unpublished` where it failed. */
  | { readonly do: "publish"; readonly text: string }
  | { readonly do: "ask-switchover"; readonly note: SwitchoverNote }
  | { readonly do: "clear-switchover" }
  /** Also again, once the chain has taken something: `heard` is when, in milliseconds from `story.lastSeenMs`. */
  | {
      readonly do: "write-history";
      readonly epoch: number;
      readonly story: TakeOverStory;
      readonly tookMs: number;
      /** When neard confirmed the key. */
      readonly keyAtMs: number;
      readonly heard: { readonly firstMs: number; readonly firstBlockMs: number | null } | null;
    };

export type Event =
  | { readonly is: "tick" }
  | Observed
  | { readonly is: "probed"; readonly probe: Probe }
  | { readonly is: "account-seen"; readonly sight: AccountSight }
  | { readonly is: "key-checked"; readonly available: boolean; readonly nextAvailable?: boolean }
  /** The key's directory was looked at: see State.keyPlaceFault. */
  | { readonly is: "place-checked"; readonly fault: string | null }
  /** Our note was not written, as far as is known. */
  | { readonly is: "unpublished" }
  /** `fault`: why it could not be written down; null: it is. */
  | { readonly is: "doubt-noted"; readonly isDoubted: boolean; readonly fault: string | null }
  /** A key file lies where neard would find it at its next reload. */
  | { readonly is: "key-found" }
  | { readonly is: "renewed"; readonly session: string; readonly sentMs: number; readonly lockIndex: number }
  | { readonly is: "renew-refused"; readonly session: string; readonly because: string }
  | { readonly is: "session-created"; readonly serial: number; readonly session: string }
  | { readonly is: "took-over"; readonly serial: number; readonly sentMs: number; readonly lockIndex: number }
  | { readonly is: "window-found"; readonly serial: number; readonly opensMs: number }
  | { readonly is: "done"; readonly serial: number }
  /** The effect failed; `certain`: it did not and will not take place. */
  | { readonly is: "failed"; readonly serial: number; readonly certain: boolean; readonly because: string }
  /** `proof.outcome` is `off` where the device showed that; anything else proves nothing. */
  | { readonly is: "power-trouble"; readonly job: number; readonly because: string }
  /** `isBrokenOff`: it was not wanted any more, so that nothing was tried. */
  | { readonly is: "power-seen"; readonly job: number; readonly proof: PowerProof; readonly isBrokenOff?: boolean }
  /** An operator swears that this host is off, for a take-over that waits for nothing else. */
  | { readonly is: "power-confirmed"; readonly host: string; readonly at: string }
  | { readonly is: "switchover-asked"; readonly job: SwitchoverJob }
  | { readonly is: "stand-down"; readonly order: StandDown }
  | { readonly is: "stand-up"; readonly id: string };

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}
