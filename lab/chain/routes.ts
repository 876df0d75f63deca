/**
 * Where each validator believes our account to be. As in nearcore: its tier-1 connection for the account's
 * key, whatever is known to be newer; without one, the node of the newest account data.
 *
 * Awkward case, and the reason for this file: the connection may be half open. Nobody says so, and what
 * is sent to the account goes into it until it ends.
 */
import type { AdvertiseMessage } from "./wire.ts";

/** What is advertised for an account, newest version. */
export interface AccountData {
  readonly account: string;
  readonly nodeKey: string;
  readonly version: number;
}

/** One tier-1 connection, with whatever the caller has of it. */
export interface Tier1<C> {
  readonly peer: string;
  readonly account: string;
  readonly nodeKey: string;
  readonly connection: C;
}

export class Routes<C> {
  readonly #tier1 = new Map<string, Tier1<C>>();
  readonly #data = new Map<string, AccountData>();

  /** False: the peer has a connection for the account already, and keeps that one. */
  connect(wanted: Tier1<C>): boolean {
    const name = nameOf(wanted);
    if (this.#tier1.has(name)) return false;
    this.#tier1.set(name, wanted);
    return true;
  }

  /** The connection has ended, and its peer knows it. */
  disconnect(ended: Tier1<C>): void {
    if (this.#tier1.get(nameOf(ended)) === ended) this.#tier1.delete(nameOf(ended));
  }

  /** True: newer than what was known. */
  advertise({ account, version }: AdvertiseMessage, nodeKey: string): boolean {
    if (version <= (this.#data.get(account)?.version ?? Number.NEGATIVE_INFINITY)) return false;
    this.#data.set(account, { account, nodeKey, version });
    return true;
  }

  /** Where `peer` sends what is for `account`: its connection, or else the node key to route to; undefined: nowhere. */
  to(peer: string, account: string): { connection: C } | { nodeKey: string } | undefined {
    const tier1 = this.#tier1.get(nameOf({ peer, account }));
    if (tier1 !== undefined) return { connection: tier1.connection };
    const data = this.#data.get(account);
    return data === undefined ? undefined : { nodeKey: data.nodeKey };
  }

  get tier1(): Tier1<C>[] {
    return [...this.#tier1.values()];
  }

  get accountData(): AccountData[] {
    return [...this.#data.values()];
  }
}

function nameOf({ peer, account }: { peer: string; account: string }): string {
  return `${peer} ${account}`;
}
