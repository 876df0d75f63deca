/**
 * How long the validator may be silent, computed from the lease's timing and a few durations that are not
 * ours to choose. Every term names where it comes from, so that a bound that is missed can be argued with.
 * Pure.
 */
import { type LeaseTiming, longestHeardMs, waitMs } from "../../contract/timing.ts";

/** What the cluster under test was deployed with. */
export interface Limits {
  readonly lease: LeaseTiming;
  /** After this long without an answer an active neard counts as hung. */
  readonly hungMs: number;
  readonly maxHeadAgeMs: number;
  readonly slotMs: number;
}

/** The agent looks at its deadlines this often (agent/run/neard-host.ts). */
const tickMs = 200;
/** A session and a lock: two Raft writes over three hosts that share two cores. */
const transactionMs = 400;
/** neard applies a reload "within about 1 s" (nearcore). */
const reloadMs = 1000;
/** SIGKILL, until no process of neard's control group is left, and the key erased. */
const killMs = 1000;
/** The longest of eight elections seen with raft_multiplier 1. */
const electionMs = 4100;
/** A host from power on to its agent and Consul answering. */
const bootMs = 6000;
/** Consul from its death to answering again: systemd waits a second, then it reads its data. */
const serviceMs = 3000;
/** systemd kills an agent that stands still after this (WatchdogSec=, infra/plan/agent.ts). */
const watchdogMs = 5000;
/** Then `expire`, RestartSec= and Node's start: 1.1 s were seen. */
const restartMs = 1500;
/** An agent that goes on with a lease that it found gives neard this long to answer (agent/role/taking.ts). */
const resumeMs = 3000;
/** A refused or lost try to take over is repeated after this (agent/role/standby-phase.ts). */
const retryMs = 1000;

/** From the decision to take over to the first signature: the slot under way is lost, the next one counts. */
export const takeUpMs = ({ slotMs }: Limits): number => tickMs + transactionMs + reloadMs + 2 * slotMs;

/** Nothing happens: signatures come every slot, and a busy machine may be late by one. */
export const undisturbedMs = ({ slotMs }: Limits): number => 2 * slotMs + 500;

/** The standby sees no renewal, waits takeoverMs, and takes up. */
export const failoverMs = (limits: Limits): number => limits.lease.takeoverMs + takeUpMs(limits);

/** The holder itself notices after `noticedMs`, stops, proves and releases; nobody waits. */
export const givesWayMs =
  (noticed: (limits: Limits) => number) =>
  (limits: Limits): number =>
    noticed(limits) + tickMs + killMs + takeUpMs(limits);

/**
 * The holder's agent stands still, and so does its neard: the watchdog's new agent may come in time to renew
 * the lease, and then is the one that finds out and gives way.
 */
export const replacedAgentMs = givesWayMs(() => watchdogMs + restartMs + resumeMs);

/** A planned switchover: the promise is a second between the old one's last and the new one's first possible block. */
export const switchoverMs = ({ slotMs }: Limits): number => 1000 + 2 * slotMs;

/** The lock's session is gone: Consul's lock-delay keeps everybody waiting, then a try that came too early is repeated. */
export const lostSessionMs = (limits: Limits): number => limits.lease.lockDelayMs + retryMs + takeUpMs(limits);

/**
 * All Consul servers start anew: the lease runs out, they elect a leader, and each has a lock-delay again for
 * every session whose end is in its Raft log (docs/decisions/0001), counted from its own start.
 */
export const quorumLostMs = (limits: Limits): number => serviceMs + lostSessionMs(limits);

/**
 * Somebody tampers with the lock: nobody knows what was in its place, so it is waited for as the longest lease that there
 * can be, counted from the last change of it: that may be the end of a holder's session who lost it by a plain write,
 * and Consul ends one after twice its TTL. Then a leader may have to be chosen.
 */
export const tamperedMs = (limits: Limits): number =>
  2 * limits.lease.sessionTtlMs + waitMs(limits.lease, longestHeardMs) + electionMs + retryMs + takeUpMs(limits);

/** The same, while hosts boot besides, or Consul's data was lost. */
export const tamperedAfterHealMs = (limits: Limits): number => bootMs + tamperedMs(limits);

/** Counted from healing: hosts boot, Consul elects, the standby's wait begins anew. */
export const afterHealMs = (limits: Limits): number => bootMs + electionMs + failoverMs(limits);

/**
 * From the key on the new host to its first block in the chain, where the old host could still end its
 * connections. A turn of ours comes every four slots or so, and hardly ever later than after 30: this is far from
 * both that and the minutes for which connections left half open keep the others from hearing the new holder.
 */
export const heardWithinMs = ({ slotMs }: Limits): number => 2000 + 30 * slotMs;

/**
 * What a power device takes: its program is started by systemd, for a reading, an order, and a reading again, half a second
 * apart; and whoever may still run is asked first, by notes in Consul.
 */
const powerMs = 3000;

/** The standby waits, makes sure that the old host is off, and takes up. */
export const fencedMs = (limits: Limits): number => failoverMs(limits) + powerMs;

/** With `skipWait`: half a lease without a renewal, then a look at the device. */
export const fencedAtOnceMs = (limits: Limits): number => limits.lease.leaseMs / 2 + powerMs + takeUpMs(limits);

/** Counted from healing: the host is back, says that it holds nothing, or its device answers at the next try (agent/role/fencing.ts). */
export const afterMendedMs = (limits: Limits): number => 5000 + afterHealMs(limits) + powerMs;

/** An election on top, for faults that cost Consul its leader and the holder its lease. */
export const failoverWithElectionMs = (limits: Limits): number => electionMs + failoverMs(limits);
