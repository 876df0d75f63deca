/**
 * Account data, as this process signs it: "the account can be reached at this node". Pure.
 *
 * The highest version counts in the network, and versions are times. A process keeps its data when its
 * key is unloaded, and goes on caring for it: whenever newer data of another node arrives it signs its
 * own again, and so takes the route from the new holder (nearcore: LocalAccountData; seen: 0 of the new
 * holder's blocks accepted as long as the old process lived).
 */
import type { ValidatorKey } from "../../contract/near-key.ts";
import type { AccountDataMessage, AdvertiseMessage } from "../chain/wire.ts";
import type { Signer } from "./reload.ts";

type PublicHalf = Pick<ValidatorKey, "accountId" | "publicKey">;

export class Advertising {
  readonly #nodeKey: string;
  /** What was heard of each account, ours included. */
  readonly #newest = new Map<string, number>();
  /** Of accounts whose key this process ever had: the key, and the version that it signed last. */
  readonly #own = new Map<string, { publicKey: string; version: number }>();

  constructor(nodeKey: string) {
    this.#nodeKey = nodeKey;
  }

  /** A key was loaded, or its data is due to be signed again. */
  signAgain({ accountId, publicKey }: PublicHalf, nowMs: number): void {
    const newest = Math.max(this.#own.get(accountId)?.version ?? 0, this.#newest.get(accountId) ?? 0);
    this.#own.set(accountId, { publicKey, version: Math.max(newest, Math.floor(nowMs)) + 1 });
  }

  /** True: it is another's, newer than ours, and we have lost the key. Ours is signed again at once. */
  heard({ account, nodeKey, version }: AccountDataMessage, signer: Signer | null, nowMs: number): boolean {
    this.#newest.set(account, Math.max(this.#newest.get(account) ?? 0, version));
    const own = this.#own.get(account);
    if (own === undefined || nodeKey === this.#nodeKey || version <= own.version) return false;
    if (signer?.key.accountId === account) return false;
    this.signAgain({ accountId: account, publicKey: own.publicKey }, nowMs);
    return true;
  }

  /** Whether the network believes the account to be at another node, although we signed data for it. */
  isElsewhere(account: string): boolean {
    const own = this.#own.get(account);
    return own !== undefined && (this.#newest.get(account) ?? 0) > own.version;
  }

  /** All that this process has to say. */
  messages(signer: Signer | null): AdvertiseMessage[] {
    return [...this.#own].map(([account, { publicKey, version }]) => ({
      type: "advertise",
      account,
      publicKey,
      version,
      tenure: signer?.key.publicKey === publicKey ? signer.tenure : null,
    }));
  }
}
