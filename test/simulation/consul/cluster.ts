/**
 * Consul on three hosts: what happens to a request on its way to the leader and back, and what can be
 * done to its servers.
 *
 * The log is one store, for Raft makes it one (store.ts). What Raft does not promise is modelled around
 * it: who leads (elections.ts), what the leader does with a request (leader.ts) and what it alone knows
 * (leader-memory.ts), and what a server that lost sight of the others shows to stale readers (servers.ts).
 */
import type { Network } from "../network.ts";
import type { Random } from "../random.ts";
import type { Timeline } from "../timeline.ts";
import { Elections } from "./elections.ts";
import { Leader, type OnReply, type Request } from "./leader.ts";
import { LeaderMemory } from "./leader-memory.ts";
import { Servers } from "./servers.ts";
import { ConsulStore, type Session } from "./store.ts";

/** Consul holds requests without a leader for so long (rpc_hold_timeout). */
const holdMs = 7000;

export class ConsulCluster {
  readonly store = new ConsulStore();
  readonly servers: Servers;
  readonly elections: Elections;
  readonly memory: LeaderMemory;
  readonly #leader: Leader;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #network: Network;
  /** Requests that are held until there is a leader. */
  #held: (() => void)[] = [];
  #sessionCount = 0;
  readonly #deniedUntilMs = new Map<number, number>();

  constructor(hosts: number, world: { timeline: Timeline; random: Random; network: Network }) {
    const { timeline, random, network } = world;
    const { store } = this;
    this.#timeline = timeline;
    this.#random = random;
    this.#network = network;
    const servers = new Servers(hosts, world);
    const elections = new Elections(
      { timeline, random, servers, store },
      {
        elected: (leader) => {
          this.memory.resetTimers();
          this.#leader.settleDoubts(leader);
          this.#letGo();
        },
        confirmed: (leader) => this.#leader.settleDoubts(leader),
      },
    );
    this.servers = servers;
    this.elections = elections;
    this.memory = new LeaderMemory({ timeline, random, servers, store, elections }, (id) =>
      this.change(() => store.endSession(id, this.memory)),
    );
    this.#leader = new Leader({ timeline, random, servers, store, elections, memory: this.memory });
  }

  /** Sends a request from `host` by the server of host `by`. The reply may come late, twice or never. */
  send(host: number, by: number, request: Request, reply: OnReply): void {
    const copyMs = this.#network.copyMs();
    if (copyMs !== null) this.#timeline.after(copyMs, () => this.#enter(host, by, request, reply));
    this.#enter(host, by, request, reply);
  }

  #enter(host: number, by: number, request: Request, reply: OnReply): void {
    const sinceMs = this.#timeline.nowMs;
    this.#carry(host, by, () => this.#forward(by, request, this.#wayBack(by, host, reply), sinceMs));
  }

  /** At the server that was asked: on to the leader, as far as it knows one. */
  #forward(by: number, request: Request, reply: OnReply, sinceMs: number): void {
    const server = this.servers.of(by);
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
    const { leader, term } = this.elections;
    if (leader === null) {
      if (nowMs - sinceMs > holdMs) reply({ error: "No cluster leader" });
      else this.#held.push(again);
      return;
    }
    const back = by === leader ? reply : this.#wayBack(leader, by, reply);
    this.#carry(by, leader, () => this.#leader.answer(leader, term, request, back));
  }

  #carry(from: number, to: number, arrive: () => void): void {
    const delayMs = this.#network.delayMs(from, to);
    if (delayMs !== null) this.#timeline.after(delayMs, arrive);
  }

  #wayBack(from: number, to: number, reply: OnReply): OnReply {
    return (answer) => this.#carry(from, to, () => reply(answer));
  }

  #letGo(): void {
    const held = this.#held;
    this.#held = [];
    for (const act of held) this.#timeline.after(this.#random.between(1, 50), act);
  }

  /** Ids never return, whatever is restored or wiped: they are random numbers. */
  newSession(ttlMs: number, lockDelayMs: number): Session {
    this.#sessionCount += 1;
    return { id: `session-${this.#sessionCount}`, ttlMs, lockDelayMs };
  }

  /** Somebody changes the store at the leader's, by hand. False: there is no leader that could. */
  change(act: (store: ConsulStore) => void): boolean {
    return this.#leader.change(act);
  }

  /** The host's token has lost its rights for so long. */
  deny(host: number, forMs: number): void {
    this.#deniedUntilMs.set(host, this.#timeline.nowMs + forMs);
  }

  isDenied(host: number): boolean {
    return this.#timeline.nowMs < (this.#deniedUntilMs.get(host) ?? 0);
  }

  // ---- what can be done to a server ----

  stop(host: number): void {
    this.servers.of(host).isUp = false;
    this.memory.stopped(host);
    this.elections.review();
  }

  start(host: number): void {
    const server = this.servers.of(host);
    server.pausedUntilMs = 0;
    if (!server.isUp) {
      server.isUp = true;
      this.memory.started(host);
    }
    this.elections.review();
  }

  pause(host: number, forMs: number): void {
    const server = this.servers.of(host);
    server.pausedUntilMs = Math.max(server.pausedUntilMs, this.#timeline.nowMs + forMs);
    this.#timeline.at(server.pausedUntilMs, () => this.elections.review());
    this.elections.review();
  }
}
