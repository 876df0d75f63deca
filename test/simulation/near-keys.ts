/**
 * The account's key on the simulated chain. It stays, or it changes with every NEAR epoch, to and fro between the two
 * that the hosts have; and a neard that has the wrong one ends itself, as the real one does (facts: key hot swap).
 */
import { nextPublicKey, publicKey } from "./cluster-names.ts";

/** A block a second; short, so that a run has some of them. */
const epochBlocks = 150;

export class NearKeys {
  readonly isChanging: boolean;

  constructor(isChanging: boolean) {
    this.isChanging = isChanging;
  }

  /** @param trueMs the simulation's own time, whose seconds are the chain's heights */
  at(trueMs: number): { nearEpoch: number; key: string; nextKey: string; nextStartHeight: number | null } {
    const { isChanging } = this;
    if (!isChanging) return { nearEpoch: 1, key: publicKey, nextKey: publicKey, nextStartHeight: null };
    const nearEpoch = Math.floor(trueMs / 1000 / epochBlocks);
    const [key, nextKey] = nearEpoch % 2 === 0 ? [publicKey, nextPublicKey] : [nextPublicKey, publicKey];
    return { nearEpoch, key, nextKey, nextStartHeight: (nearEpoch + 1) * epochBlocks };
  }

  /** When the next block comes, and when the next NEAR epoch's first one does. */
  nextBlockMs(trueMs: number): number {
    return (Math.floor(trueMs / 1000) + 1) * 1000;
  }

  nextEpochMs(trueMs: number): number {
    return (this.at(trueMs).nextStartHeight ?? Number.POSITIVE_INFINITY) * 1000;
  }
}
