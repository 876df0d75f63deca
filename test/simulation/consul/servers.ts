/** Consul's servers, one per host: which of them run, and which of them reach a majority. */
import type { KvRead } from "../../../host/consul/client.ts";
import type { Network } from "../network.ts";
import type { Timeline } from "../timeline.ts";
import type { ConsulStore } from "./store.ts";

export interface Server {
  isUp: boolean;
  /** It and its requests stand still until then. */
  pausedUntilMs: number;
  /** What it knew when it lost sight of the others; null: it follows. */
  stale: KvRead | null;
}

export class Servers {
  readonly #timeline: Timeline;
  readonly #network: Network;
  readonly #servers: readonly Server[];
  /** Slow disks: every commit takes up to so much longer. */
  slowCommitMs = 0;

  constructor(hosts: number, world: { timeline: Timeline; network: Network }) {
    this.#timeline = world.timeline;
    this.#network = world.network;
    this.#servers = Array.from({ length: hosts }, () => ({ isUp: true, pausedUntilMs: 0, stale: null }));
  }

  get count(): number {
    return this.#servers.length;
  }

  of(host: number): Server {
    const server = this.#servers[host];
    if (server === undefined) throw new Error(`no Consul server ${host}`);
    return server;
  }

  hasQuorum(host: number): boolean {
    const { nowMs } = this.#timeline;
    const isWell = (i: number) => this.of(i).isUp && nowMs >= this.of(i).pausedUntilMs;
    if (!isWell(host)) return false;
    let count = 0;
    for (let i = 0; i < this.count; i += 1)
      if (i === host || (isWell(i) && this.#network.passes(host, i) && this.#network.passes(i, host))) count += 1;
    return 2 * count > this.count;
  }

  /** Those that could be elected. */
  get able(): number[] {
    return this.#servers.map((_, i) => i).filter((i) => this.hasQuorum(i));
  }

  /** A server that reaches no majority keeps what it knew, and shows it to stale readers. */
  follow(store: ConsulStore): void {
    for (const [host, server] of this.#servers.entries())
      if (this.hasQuorum(host)) server.stale = null;
      else server.stale ??= store.read();
  }
}
