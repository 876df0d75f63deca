/**
 * Several ways into one Consul cluster: this host's own agent first, the servers' next. A way that
 * failed or hangs is avoided for a while, so that a dead local Consul costs one renewal, not the lease.
 *
 * Awkward case: in an election requests hang for seconds that were sent early, while later ones are answered at
 * once. So a request that hangs or fails says nothing of a way that has answered one sent later.
 */
import type { Clock } from "../system/clock.ts";
import type { ConsulClient } from "./client.ts";
import { ConsulUnknown } from "./errors.ts";

/** How long a way that failed is avoided. */
const avoidMs = 3000;
/** A request that is out for longer than this makes its way suspect: a cut-off server shows as silence. */
const slowMs = 700;

/** What the lease needs of Consul; the simulation's has no more. */
export type LeaseConsul = Pick<
  ConsulClient,
  "readPrefix" | "put" | "delete" | "transact" | "createSession" | "renewSession" | "destroySession"
>;

interface Way<Client> {
  readonly client: Client;
  failedMs: number;
  /** When it was taken last. */
  usedMs: number;
  /** The newest request that it has answered, by number. */
  answered: number;
  /** The requests that are still out: each makes the way suspect from then on. */
  readonly pending: Set<{ readonly request: number; readonly suspectMs: number }>;
}

export class ConsulServers<Client = ConsulClient> {
  readonly #ways: readonly Way<Client>[];
  readonly #clock: Clock;
  #requests = 0;

  constructor(clients: readonly Client[], clock: Clock) {
    this.#clock = clock;
    this.#ways = clients.map((client) => ({
      client,
      failedMs: Number.NEGATIVE_INFINITY,
      usedMs: Number.NEGATIVE_INFINITY,
      answered: 0,
      pending: new Set(),
    }));
  }

  /** The client of this host's own Consul. */
  get own(): Client {
    const way = this.#ways[0];
    if (way === undefined) throw new Error("no Consul address configured");
    return way.client;
  }

  /**
   * Makes one request over the way that looks best now. Never repeats it.
   * @param options.slowMs how long it may take before its way is suspect; a blocking query takes its time
   */
  async use<T>(request: (client: Client) => Promise<T>, options: { slowMs?: number } = {}): Promise<T> {
    const way = this.#best();
    const number = ++this.#requests;
    way.usedMs = this.#clock.bootMs();
    const out = { request: number, suspectMs: way.usedMs + (options.slowMs ?? slowMs) };
    way.pending.add(out);
    try {
      const answer = await request(way.client);
      way.answered = Math.max(way.answered, number);
      way.failedMs = Number.NEGATIVE_INFINITY;
      return answer;
    } catch (error) {
      if (error instanceof ConsulUnknown && number > way.answered) way.failedMs = this.#clock.bootMs();
      throw error;
    } finally {
      way.pending.delete(out);
    }
  }

  #best(): Way<Client> {
    const nowMs = this.#clock.bootMs();
    const good = this.#ways.filter(
      (way) =>
        nowMs - way.failedMs > avoidMs &&
        [...way.pending].every(({ request, suspectMs }) => nowMs < suspectMs || request < way.answered),
    );
    // The own Consul is tried again as soon as it may be; another host's that failed, only when none has not.
    const sound = good.find((way) => way === this.#ways[0] || way.failedMs === Number.NEGATIVE_INFINITY) ?? good[0];
    if (sound !== undefined) return sound;
    // None looks good: each in its turn, and the one least waited for first.
    const [way] = this.#ways.toSorted((a, b) => a.pending.size - b.pending.size || a.usedMs - b.usedMs);
    if (way === undefined) throw new Error("no Consul address configured");
    return way;
  }
}
