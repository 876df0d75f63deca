/**
 * What Consul's leader makes of a request: it renews a session, looks into the store, lets a query wait
 * for a change, commits a write.
 *
 *   - A write that its leader could not commit is in doubt: the next leader commits it or has never seen
 *     it, and whoever sent it is told nothing but an error.
 *   - A leader that was cut off or stood still goes on for a moment: it renews sessions that are not its
 *     to renew any more.
 *   - A query that waits is answered, at its end, with what it found at its beginning.
 */
import type { Random } from "../random.ts";
import type { Timeline } from "../timeline.ts";
import type { Elections } from "./elections.ts";
import type { LeaderMemory } from "./leader-memory.ts";
import type { Servers } from "./servers.ts";
import type { ConsulStore, LockDelays } from "./store.ts";

/** What a client asks. `commit` is applied to the log when it is committed. */
export type Request =
  | { readonly is: "write"; commit(store: ConsulStore, delays: LockDelays): unknown }
  | { readonly is: "renew-session"; readonly id: string }
  | { readonly is: "read"; readonly after: number | undefined; readonly waitMs: number; readonly stale: boolean };

/** `error`: Consul says that it does not know (no leader, leadership lost). */
export type Reply = { readonly ok: unknown } | { readonly error: string };

export type OnReply = (reply: Reply) => void;

interface Doubt {
  readonly commit: (isKnown: boolean) => void;
  readonly leader: number;
}

interface Watcher {
  changed(): void;
}

interface World {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly servers: Servers;
  readonly store: ConsulStore;
  readonly elections: Elections;
  readonly memory: LeaderMemory;
}

export class Leader {
  readonly #world: World;
  #doubts: Doubt[] = [];
  /** Queries that wait. */
  readonly #watchers = new Set<Watcher>();

  constructor(world: World) {
    this.#world = world;
  }

  /** At the server `leader`, which led in `term`, when the request was sent to it. */
  answer(leader: number, term: number, request: Request, reply: OnReply): void {
    const { timeline, servers, random, store, memory } = this.#world;
    const { isUp, pausedUntilMs } = servers.of(leader);
    if (!isUp) return;
    if (timeline.nowMs < pausedUntilMs) {
      timeline.at(pausedUntilMs, () => this.answer(leader, term, request, reply));
      return;
    }
    if (!this.#leads(leader, term)) {
      // For a moment it still believes to lead: a renewal of a session is no Raft write, and succeeds.
      if (request.is === "renew-session" && random.chance(0.5)) reply({ ok: true });
      else reply({ error: "not the leader" });
      return;
    }
    switch (request.is) {
      case "renew-session": {
        const isThere = store.session(request.id) !== undefined;
        if (isThere && servers.hasQuorum(leader)) memory.renewed(request.id);
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

  /** Somebody changes the store at the leader's, by hand. False: there is no leader that could. */
  change(act: (store: ConsulStore) => void): boolean {
    if (!this.#world.elections.canCommit) return false;
    act(this.#world.store);
    this.#wake();
    return true;
  }

  /** The old leader's last entries: committed by the new one if it has them. A coin decides. */
  settleDoubts(leader: number): void {
    const doubts = this.#doubts;
    this.#doubts = [];
    for (const doubt of doubts)
      if (doubt.leader === leader) doubt.commit(true);
      else if (this.#world.random.chance(0.5)) doubt.commit(false);
  }

  #leads(leader: number, term: number): boolean {
    const { elections } = this.#world;
    return elections.leader === leader && elections.term === term;
  }

  /** It asks the quorum whether it still leads; then it looks, and if told to, waits for more. */
  #read(leader: number, after: number | undefined, waitMs: number, reply: OnReply): void {
    const { timeline, random, servers, store } = this.#world;
    if (!servers.hasQuorum(leader)) {
      this.#doubts.push({ leader, commit: () => reply({ error: "leadership lost" }) });
      return;
    }
    const found = store.read();
    if (after === undefined || found.index > after) {
      reply({ ok: found });
      return;
    }
    const { term } = this.#world.elections;
    const watcher: Watcher = {
      changed: () => {
        this.#watchers.delete(watcher);
        if (this.#leads(leader, term)) timeline.after(0.1, () => this.#read(leader, after, waitMs, reply));
        else reply({ error: "leadership lost" });
      },
    };
    this.#watchers.add(watcher);
    timeline.after(waitMs * random.between(1, 1.0625), () => {
      if (this.#watchers.delete(watcher)) reply({ ok: found });
    });
  }

  #write(leader: number, apply: (store: ConsulStore, delays: LockDelays) => unknown, reply: OnReply): void {
    const { timeline, random, servers, store, elections, memory } = this.#world;
    const commit = (isKnown: boolean) => {
      const before = store.prefixIndex;
      const answer = apply(store, memory);
      if (store.prefixIndex !== before) this.#wake();
      // Its sender hears of it only from the leader that took it.
      reply(isKnown ? { ok: answer } : { error: "leadership lost while committing log" });
    };
    if (!servers.hasQuorum(leader)) {
      this.#doubts.push({ leader, commit });
      return;
    }
    const { term } = elections;
    const { slowCommitMs } = servers;
    const commitMs = 0.5 + 3 * random.next() + (slowCommitMs > 0 ? slowCommitMs * random.next() : 0);
    timeline.after(commitMs, () => {
      const isLeading = this.#leads(leader, term) && servers.of(leader).isUp;
      if (isLeading && servers.hasQuorum(leader)) commit(true);
      else if (isLeading || elections.leader === null) this.#doubts.push({ leader, commit });
      else if (random.chance(0.5)) commit(false);
    });
  }

  #wake(): void {
    const watchers = [...this.#watchers];
    for (const watcher of watchers) watcher.changed();
  }
}
