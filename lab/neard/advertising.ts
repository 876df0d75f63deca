/**
 * Account data, as this process signs it: "the account can be reached at this node". Pure.
 *
 * The highest version counts in the network, and versions are times. A process keeps its data when its
 * key is unloaded, and goes on caring for it: whenever newer data of another node arrives it signs its
 * own again, and so takes the route from the new holder (nearcore: LocalAccountData; seen: 0 of the new
 * holder's blocks accepted as long as the old process lived).
 */
import type { AccountDataMessage, AdvertiseMessage } from "../chain/wire.ts";
import type { Signer } from "./reload.ts";

export class Advertising {
  readonly #nodeKey: string;
  /** What was heard of each account, ours included. */
  readonly #newest = new Map<string, number>();
  /** Of accounts whose key this process ever had: the version that it signed last. */
  readonly #own = new Map<string, number>();

  constructor(nodeKey: string) {
    this.#nodeKey = nodeKey;
  }

  /** A key was loaded, or its data is due to be signed again. */
  signAgain(account: string, nowMs: number): void {
    this.#own.set(
      account,
      Math.max(this.#own.get(account) ?? 0, this.#newest.get(account) ?? 0, Math.floor(nowMs)) + 1,
    );
  }

  /** True: it is another's, newer than ours, and we have lost the key: we sign ours again at once. */
  heard({ account, nodeKey, version }: AccountDataMessage, signer: Signer | null): boolean {
    this.#newest.set(account, Math.max(this.#newest.get(account) ?? 0, version));
    const own = this.#own.get(account);
    return own !== undefined && nodeKey !== this.#nodeKey && version > own && signer?.key.accountId !== account;
  }

  /** Whether the network believes the account to be at another node, although its key is here. */
  isElsewhere(account: string): boolean {
    return (this.#newest.get(account) ?? 0) > (this.#own.get(account) ?? 0);
  }

  /** All that this process has to say. */
  messages(signer: Signer | null): AdvertiseMessage[] {
    return [...this.#own].map(([account, version]) => ({
      type: "advertise",
      account,
      version,
      tenure: signer?.key.accountId === account ? signer.tenure : null,
    }));
  }
}
