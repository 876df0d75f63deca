/**
 * Three Consul servers, one per host: who leads, what happens to a request on its way, and what the
 * leader alone knows (sessions' timers, lock-delays).
 *
 * The log is one store, for Raft makes it one; what Raft does not promise is modelled around it:
 *   - a write that its leader could not commit is in doubt: the next leader commits it or has never
 *     seen it, and whoever sent it is told nothing but an error;
 *   - a new leader has its own lock-delays, or none, and starts all sessions' timers anew;
 *   - a leader that was cut off or stood still goes on for a moment: it renews sessions that are not
 *     its to renew any more, and shows stale readers what it knew;
 *   - a query that waits is answered, at its end, with what it found at its beginning.
 */
import type { KvRead } from "../../agent/consul/client.ts";
import { ConsulStore, type LockDelays, type Session } from "./consul-store.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** What a client asks. `commit` is applied to the log when it is committed. */
export type Request =
  | { readonly is: "write"; commit(store: ConsulStore, delays: LockDelays): unknown }
  | { readonly is: "renew-session"; readonly id: string }
  | { readonly is: "read"; readonly after: number | undefined; readonly waitMs: number; readonly stale: boolean };

/** `error`: Consul says that it does not know (no leader, leadership lost). */
export type Reply = { readonly ok: unknown } | { readonly error: string };

interface Server {
  isUp: boolean;
  /** It and its requests stand still until then. */
  pausedUntilMs: number;
  /** Its lock-delays, by key. */
  readonly restsUntilMs: Map<string, number>;
  /** What it knew when it lost sight of the others; null: it follows. */
  stale: KvRead | null;
}

interface Doubt {
  readonly commit: (isKnown: boolean) => void;
  readonly leader: number;
}

interface Watcher {
  /** The leadership under which it was begun. */
  readonly term: number;
  changed(): void;
}

/** A leader that cannot reach a quorum steps down after this (Raft's leader lease, multiplier 1). */
const stepDownMs = { low: 500, high: 1000 };
/** From the loss of a leader to the next: with a renewal's way, 2.0 to 4.1 s were seen. */
const electionMs = { low: 800, high: 3800 };
/** Consul holds requests without a leader for so long (rpc_hold_timeout). */
const holdMs = 7000;

export class ConsulCluster implements LockDelays {
  readonly store = new ConsulStore();
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #network: Network;
  readonly #servers: Server[];
  #leader: number | null = 0;
  #term = 1;
  /** Counts reviews, so that an overtaken one is known. */
  #doubted: number | null = null;
  #electing = false;
  #doubts: Doubt[] = [];
  #waiting: (() => void)[] = [];
  #watchers = new Set<Watcher>();
  readonly #renewedMs = new Map<string, number>();
  /** Keys that rested once, and for how long. */
  readonly #rested = new Map<string, number>();
  #sessionCount = 0;
  /** A slow disk: every commit takes up to so much longer. */
  slowCommitMs = 0;

  constructor(hosts: number, world: { timeline: Timeline; random: Random; network: Network }) {
    this.#timeline = world.timeline;
    this.#random = world.random;
    this.#network = world.network;
    this.#servers = Array.from({ length: hosts }, () => ({
      isUp: true,
      pausedUntilMs: 0,
      restsUntilMs: new Map(),
      stale: null,
    }));
  }

  get leader(): number | null {
    return this.#leader;
  }

  // ---- requests ----

  /** Sends a request from `host` by the server of host `by`. The reply may come late, twice or never. */
  send(host: number, by: number, request: Request, reply: (reply: Reply) => void): void {
    const copyMs = this.#network.copyMs();
    if (copyMs !== null) this.#timeline.after(copyMs, () => this.#enter(host, by, request, reply));
    this.#enter(host, by, request, reply);
  }

  #enter(host: number, by: number, request: Request, reply: (reply: Reply) => void): void {
    const delayMs = this.#network.delayMs(host, by);
    if (delayMs === null) return;
    const answer: typeof reply = (text) => {
      const backMs = this.#network.delayMs(by, host);
      if (backMs !== null) this.#timeline.after(backMs, () => reply(text));
    };
    const sinceMs = this.#timeline.nowMs;
    this.#timeline.after(delayMs, () => this.#forward(by, request, answer, sinceMs));
  }

  /** At the server that was asked: on to the leader, as far as it knows one. */
  #forward(by: number, request: Request, reply: (reply: Reply) => void, sinceMs: number): void {
    const server = this.#server(by);
    const { nowMs } = this.#timeline;
    if (!server.isUp) {
      reply({ error: "connection refused" });
      return;
    }
    const again = () => this.#forward(by, request, reply, sinceMs);
    if (nowMs < server.pausedUntilMs) {
      this.#timeline.at(server.pausedUntilMs, again);
      return;
    }
    if (request.is === "read" && request.stale) {
      reply({ ok: server.stale ?? this.store.read() });
      return;
    }
    const leader = this.#leader;
    if (leader === null) {
      if (nowMs - sinceMs > holdMs) reply({ error: "No cluster leader" });
      else this.#waiting.push(again);
      return;
    }
    const delayMs = this.#network.delayMs(by, leader);
    if (delayMs === null) return;
    const back: typeof reply = (answer) => {
      const backMs = this.#network.delayMs(leader, by);
      if (backMs !== null) this.#timeline.after(backMs, () => reply(answer));
    };
    const term = this.#term;
    this.#timeline.after(delayMs, () => this.#lead(leader, term, request, by === leader ? reply : back));
  }

  /** At the server that was the leader when the request was sent to it. */
  #lead(leader: number, term: number, request: Request, reply: (reply: Reply) => void): void {
    const server = this.#server(leader);
    if (!server.isUp) return;
    const wasPaused = this.#timeline.nowMs < server.pausedUntilMs;
    if (wasPaused) {
      this.#timeline.at(server.pausedUntilMs, () => this.#lead(leader, term, request, reply));
      return;
    }
    if (term !== this.#term || this.#leader !== leader) {
      // For a moment it still believes to lead: a renewal of a session is no Raft write, and succeeds.
      if (request.is === "renew-session" && this.#random.chance(0.5)) reply({ ok: true });
      else reply({ error: "not the leader" });
      return;
    }
    switch (request.is) {
      case "renew-session": {
        const isThere = this.store.session(request.id) !== undefined;
        if (isThere && this.hasQuorum(leader)) this.#renewedMs.set(request.id, this.#timeline.nowMs);
        reply({ ok: isThere });
        return;
      }
      case "read":
        this.#read(leader, request.after, request.waitMs, reply);
        return;
      case "write":
        this.#write(leader, request.commit, reply);
        return;
    }
  }

  /** The leader asks the quorum whether it still leads; then it looks, and if told to, waits for more. */
  #read(leader: number, after: number | undefined, waitMs: number, reply: (reply: Reply) => void): void {
    if (!this.hasQuorum(leader)) {
      this.#doubts.push({ leader, commit: () => reply({ error: "leadership lost" }) });
      return;
    }
    const found = this.store.read();
    if (after === undefined || found.index > after) {
      reply({ ok: found });
      return;
    }
    const watcher: Watcher = {
      term: this.#term,
      changed: () => {
        this.#watchers.delete(watcher);
        if (this.#leader !== leader || watcher.term !== this.#term) reply({ error: "leadership lost" });
        else this.#timeline.after(0.1, () => this.#read(leader, after, waitMs, reply));
      },
    };
    this.#watchers.add(watcher);
    this.#timeline.after(waitMs * this.#random.between(1, 1.0625), () => {
      if (this.#watchers.delete(watcher)) reply({ ok: found });
    });
  }

  #write(
    leader: number,
    apply: (store: ConsulStore, delays: LockDelays) => unknown,
    reply: (reply: Reply) => void,
  ): void {
    const commit = (isKnown: boolean) => {
      const before = this.store.prefixIndex;
      const answer = apply(this.store, this);
      if (this.store.prefixIndex !== before) this.#wake();
      // Its sender hears of it only from the leader that took it.
      reply(isKnown ? { ok: answer } : { error: "leadership lost while committing log" });
    };
    if (!this.hasQuorum(leader)) {
      this.#doubts.push({ leader, commit });
      return;
    }
    const term = this.#term;
    const commitMs =
      0.5 + 3 * this.#random.next() + (this.slowCommitMs > 0 ? this.slowCommitMs * this.#random.next() : 0);
    this.#timeline.after(commitMs, () => {
      const isLeading = this.#leader === leader && this.#term === term && this.#server(leader).isUp;
      if (isLeading && this.hasQuorum(leader)) commit(true);
      else if (isLeading || this.#leader === null) this.#doubts.push({ leader, commit });
      else if (this.#random.chance(0.5)) commit(false);
    });
  }

  #wake(): void {
    const watchers = [...this.#watchers];
    for (const watcher of watchers) watcher.changed();
  }

  /** Ids never return, whatever is restored or wiped: they are random numbers. */
  newSession(ttlMs: number, lockDelayMs: number): Session {
    this.#sessionCount += 1;
    return { id: `session-${this.#sessionCount}`, ttlMs, lockDelayMs };
  }

  // ---- the leader's memory ----

  /** Counted by Go's monotonic clock, whatever the wall clock does (hashicorp/consul, agent/consul/state/delay). */
  isResting(key: string): boolean {
    const leader = this.#leader;
    return leader !== null && this.#timeline.nowMs < (this.#server(leader).restsUntilMs.get(key) ?? 0);
  }

  /** Each server remembers for itself, if it is there to see it. */
  rest(key: string, forMs: number): void {
    this.#rested.set(key, forMs);
    for (const server of this.#servers)
      if (server.isUp && server.stale === null && this.#random.chance(0.8))
        server.restsUntilMs.set(key, this.#timeline.nowMs + forMs);
  }

  /** The TTL is a lower bound: the leader ends a session at twice the TTL after its last renewal. */
  watchSession(session: Session): void {
    const { timeline } = { timeline: this.#timeline };
    this.#renewedMs.set(session.id, timeline.nowMs);
    const look = () => {
      if (this.store.session(session.id) === undefined) return;
      const dueMs = (this.#renewedMs.get(session.id) ?? 0) + 2 * session.ttlMs;
      if (timeline.nowMs < dueMs) timeline.at(dueMs, look);
      else if (this.#leader === null || !this.hasQuorum(this.#leader)) timeline.after(1000, look);
      else this.change((store) => store.endSession(session.id, this));
    };
    timeline.after(2 * session.ttlMs, look);
  }

  /** Somebody changes the store at the leader's, by hand. Not possible without a leader. */
  change(act: (store: ConsulStore) => void): boolean {
    if (this.#leader === null || !this.hasQuorum(this.#leader)) return false;
    act(this.store);
    this.#wake();
    return true;
  }

  /** A restored or an empty state has no lock-delays. */
  forgetDelays(): void {
    this.#rested.clear();
    for (const server of this.#servers) server.restsUntilMs.clear();
  }

  /** All the store's sessions are new to the leader: after a restore, and after an election. */
  resetTimers(): void {
    this.#renewedMs.clear();
    for (const session of this.store.sessions) this.watchSession(session);
  }

  // ---- servers and leaders ----

  stop(host: number): void {
    this.#server(host).isUp = false;
    this.#server(host).restsUntilMs.clear();
    this.review();
  }

  start(host: number): void {
    const server = this.#server(host);
    server.pausedUntilMs = 0;
    if (!server.isUp) {
      server.isUp = true;
      // It goes through its Raft log again, and every session that ended there gives a lock-delay anew.
      for (const [key, forMs] of this.#rested)
        if (this.#random.chance(0.5)) server.restsUntilMs.set(key, this.#timeline.nowMs + forMs);
    }
    this.review();
  }

  pause(host: number, forMs: number): void {
    const server = this.#server(host);
    server.pausedUntilMs = Math.max(server.pausedUntilMs, this.#timeline.nowMs + forMs);
    this.#timeline.at(server.pausedUntilMs, () => this.review());
    this.review();
  }

  /** The leader gives up its office, as by a transfer or an overload. */
  depose(): void {
    if (this.#leader === null) return;
    this.#leader = null;
    this.#doubted = null;
    this.review();
  }

  hasQuorum(host: number): boolean {
    const { nowMs } = this.#timeline;
    const isWell = (i: number) => this.#server(i).isUp && nowMs >= this.#server(i).pausedUntilMs;
    if (!isWell(host)) return false;
    let count = 0;
    for (let i = 0; i < this.#servers.length; i += 1)
      if (i === host || (isWell(i) && this.#network.passes(host, i) && this.#network.passes(i, host))) count += 1;
    return 2 * count > this.#servers.length;
  }

  /** To be called whenever a server or a way between hosts changed. */
  review(): void {
    const { leader } = { leader: this.#leader };
    for (let i = 0; i < this.#servers.length; i += 1) {
      const server = this.#server(i);
      if (this.hasQuorum(i)) server.stale = null;
      else server.stale ??= this.store.read();
    }
    if (leader === null) {
      this.#elect();
      return;
    }
    if (this.hasQuorum(leader)) {
      this.#doubted = null;
      this.#settleDoubts(leader);
      return;
    }
    if (!this.#server(leader).isUp) {
      this.depose();
      return;
    }
    if (this.#doubted !== null) return;
    const since = this.#timeline.turns;
    this.#doubted = since;
    this.#timeline.after(this.#random.between(stepDownMs.low, stepDownMs.high), () => {
      if (this.#leader === leader && this.#doubted === since && !this.hasQuorum(leader)) this.depose();
    });
  }

  #elect(): void {
    if (this.#electing || !this.#servers.some((_, i) => this.hasQuorum(i))) return;
    this.#electing = true;
    this.#timeline.after(this.#random.between(electionMs.low, electionMs.high), () => {
      this.#electing = false;
      const able = this.#servers.map((_, i) => i).filter((i) => this.hasQuorum(i));
      if (able.length > 0) this.#begin(this.#random.pick(able));
    });
  }

  #begin(leader: number): void {
    this.#leader = leader;
    this.#term += 1;
    this.#doubted = null;
    this.resetTimers();
    this.#settleDoubts(leader);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const act of waiting) this.#timeline.after(this.#random.between(1, 50), act);
  }

  /** The old leader's last entries: committed by the new one if it has them. A coin decides. */
  #settleDoubts(leader: number): void {
    const doubts = this.#doubts;
    this.#doubts = [];
    for (const doubt of doubts)
      if (doubt.leader === leader) doubt.commit(true);
      else if (this.#random.chance(0.5)) doubt.commit(false);
  }

  #server(host: number): Server {
    const server = this.#servers[host];
    if (server === undefined) throw new Error(`no Consul server ${host}`);
    return server;
  }
}
