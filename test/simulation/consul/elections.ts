/** Who leads Consul's servers: a leader that reaches no majority steps down, and a while later another is elected. */
import type { Random } from "../random.ts";
import type { Timeline } from "../timeline.ts";
import type { Servers } from "./servers.ts";
import type { ConsulStore } from "./store.ts";

/** A leader that cannot reach a quorum steps down after this (Raft's leader lease, multiplier 1). */
const stepDownMs = { low: 500, high: 1000 };
/** From the loss of a leader to the next: with a renewal's way, 2.0 to 4.1 s were seen. */
const electionMs = { low: 800, high: 3800 };

/** What comes of a review. */
export interface Outcomes {
  /** There is a new leader, and with it a new term. */
  elected(leader: number): void;
  /** The leader reaches a quorum, still or again. */
  confirmed(leader: number): void;
}

export class Elections {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #servers: Servers;
  readonly #store: ConsulStore;
  readonly #outcomes: Outcomes;
  #leader: number | null = 0;
  #term = 1;
  /** The turn in which the present doubt in the leader began, so that an overtaken one is known. */
  #doubted: number | null = null;
  #electing = false;

  constructor(world: { timeline: Timeline; random: Random; servers: Servers; store: ConsulStore }, outcomes: Outcomes) {
    this.#timeline = world.timeline;
    this.#random = world.random;
    this.#servers = world.servers;
    this.#store = world.store;
    this.#outcomes = outcomes;
  }

  get leader(): number | null {
    return this.#leader;
  }

  /** Grows with every election. */
  get term(): number {
    return this.#term;
  }

  /** There is a leader, and it reaches a quorum: what is asked of it now is done now. */
  get canCommit(): boolean {
    return this.#leader !== null && this.#servers.hasQuorum(this.#leader);
  }

  /** The leader gives up its office, as by a transfer or an overload. */
  depose(): void {
    if (this.#leader === null) return;
    this.#leader = null;
    this.#doubted = null;
    this.review();
  }

  /** To be called whenever a server or a way between hosts changed. */
  review(): void {
    this.#servers.follow(this.#store);
    const leader = this.#leader;
    if (leader === null) {
      this.#elect();
      return;
    }
    if (this.#servers.hasQuorum(leader)) {
      this.#doubted = null;
      this.#outcomes.confirmed(leader);
      return;
    }
    if (!this.#servers.of(leader).isUp) {
      this.depose();
      return;
    }
    if (this.#doubted !== null) return;
    const since = this.#timeline.turns;
    this.#doubted = since;
    this.#timeline.after(this.#random.between(stepDownMs.low, stepDownMs.high), () => {
      if (this.#leader === leader && this.#doubted === since && !this.#servers.hasQuorum(leader)) this.depose();
    });
  }

  #elect(): void {
    if (this.#electing || this.#servers.able.length === 0) return;
    this.#electing = true;
    this.#timeline.after(this.#random.between(electionMs.low, electionMs.high), () => {
      this.#electing = false;
      const { able } = this.#servers;
      if (able.length > 0) this.#begin(this.#random.pick(able));
    });
  }

  #begin(leader: number): void {
    this.#leader = leader;
    this.#term += 1;
    this.#doubted = null;
    this.#outcomes.elected(leader);
  }
}
