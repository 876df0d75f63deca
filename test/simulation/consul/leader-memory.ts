/**
 * What Consul's leader knows and its Raft log does not: when each session was last renewed, and which
 * keys rest after their session was lost. A new leader starts all sessions' timers anew, and has its own
 * lock-delays, or none.
 */
import type { Random } from "../random.ts";
import type { Timeline } from "../timeline.ts";
import type { Elections } from "./elections.ts";
import type { Servers } from "./servers.ts";
import type { ConsulStore, LockDelays, Session } from "./store.ts";

interface World {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly servers: Servers;
  readonly store: ConsulStore;
  readonly elections: Elections;
}

export class LeaderMemory implements LockDelays {
  readonly #world: World;
  readonly #expire: (session: string) => void;
  readonly #renewedMs = new Map<string, number>();
  /** Each server's lock-delays, by key. */
  readonly #restsUntilMs: readonly Map<string, number>[];
  /** Keys that rested once, and for how long. */
  readonly #rested = new Map<string, number>();

  /** `expire` ends a session whose time is over. */
  constructor(world: World, expire: (session: string) => void) {
    this.#world = world;
    this.#expire = expire;
    this.#restsUntilMs = Array.from({ length: world.servers.count }, () => new Map());
  }

  /** Counted by Go's monotonic clock, whatever the wall clock does (hashicorp/consul, agent/consul/state/delay). */
  isResting(key: string): boolean {
    const { elections, timeline } = this.#world;
    const { leader } = elections;
    return leader !== null && timeline.nowMs < (this.#delaysOf(leader).get(key) ?? 0);
  }

  /** Each server remembers for itself, if it is there to see it. */
  rest(key: string, forMs: number): void {
    const { servers, random, timeline } = this.#world;
    this.#rested.set(key, forMs);
    for (const [host, delays] of this.#restsUntilMs.entries()) {
      const { isUp, stale } = servers.of(host);
      if (isUp && stale === null && random.chance(0.8)) delays.set(key, timeline.nowMs + forMs);
    }
  }

  /** A server that has stopped forgets its lock-delays. */
  stopped(host: number): void {
    this.#delaysOf(host).clear();
  }

  /** It goes through its Raft log again, and every session that ended there gives a lock-delay anew. */
  started(host: number): void {
    const { random, timeline } = this.#world;
    for (const [key, forMs] of this.#rested)
      if (random.chance(0.5)) this.#delaysOf(host).set(key, timeline.nowMs + forMs);
  }

  /** A restored or an empty state has no lock-delays. */
  forgetDelays(): void {
    this.#rested.clear();
    for (const delays of this.#restsUntilMs) delays.clear();
  }

  renewed(session: string): void {
    this.#renewedMs.set(session, this.#world.timeline.nowMs);
  }

  /** The TTL is a lower bound: the leader ends a session at twice the TTL after its last renewal. */
  watchSession(session: Session): void {
    const { timeline, store, elections } = this.#world;
    this.renewed(session.id);
    const look = () => {
      if (store.session(session.id) === undefined) return;
      const dueMs = (this.#renewedMs.get(session.id) ?? 0) + 2 * session.ttlMs;
      if (timeline.nowMs < dueMs) timeline.at(dueMs, look);
      else if (elections.canCommit) this.#expire(session.id);
      else timeline.after(1000, look);
    };
    timeline.after(2 * session.ttlMs, look);
  }

  /** All the store's sessions are new to the leader: after a restore, and after an election. */
  resetTimers(): void {
    this.#renewedMs.clear();
    for (const session of this.#world.store.sessions) this.watchSession(session);
  }

  #delaysOf(host: number): Map<string, number> {
    const delays = this.#restsUntilMs[host];
    if (delays === undefined) throw new Error(`no Consul server ${host}`);
    return delays;
  }
}
