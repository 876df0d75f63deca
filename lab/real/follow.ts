/**
 * Follows the chain by an observer's RPC: every block once, in order, a moment after it was made, so that what
 * the hosts say of the same moment is known by then. Also the account's counts.
 *
 * Awkward case: the last block or two may still be replaced by others. That moment's wait covers it nearly always;
 * where a block's parent is not the one handed on before it, the log says so.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { EpochCounts } from "./counts.ts";
import type { ChainBlock } from "./judge.ts";
import { type RpcBlock, readApprovalPlace, readBlock, readCounts, readStatus } from "./rpc.ts";

const everyMs = 150;
/** Longer than a probe takes to see a key, and than one block that replaces another. */
const settleMs = 700;
const countsEveryMs = 1000;

export interface Following {
  readonly counts: EpochCounts;
  /** The newest height that the observer knows; null: it has not answered yet. */
  head(): number | null;
  stop(): void;
}

export function followChain(url: string, account: string, onBlock: (block: ChainBlock) => void): Following {
  const counts = new EpochCounts();
  const places = new Map<string, number | null>();
  let head: number | null = null;
  let last: RpcBlock["header"] | null = null;
  let countedAt = Number.NEGATIVE_INFINITY;
  let running = true;

  const placeIn = async ({ epoch_id: nearEpoch, hash }: RpcBlock["header"]): Promise<number | null> => {
    let place = places.get(nearEpoch);
    if (place === undefined) {
      place = await readApprovalPlace(url, account, hash);
      places.set(nearEpoch, place);
    }
    return place;
  };

  const take = async ({ author, header }: RpcBlock): Promise<void> => {
    if (last !== null && header.prev_hash !== last.hash)
      console.log(`height ${header.height} does not follow ${last.height}, which was replaced`);
    const place = await placeIn(header);
    onBlock({
      height: header.height,
      prevHeight: last === null ? null : last.height,
      author,
      timeMs: Number(BigInt(header.timestamp_nanosec) / 1_000_000n),
      signature: header.signature,
      approved: place !== null && (header.approvals[place] ?? null) !== null,
    });
    last = header;
  };

  const count = async (): Promise<void> => {
    const found = await readCounts(url, account);
    if (found === null) return;
    if (counts.isNew(found.nearEpoch)) {
      const lastBlock = await lastOfEpochBefore();
      counts.close(lastBlock === null ? null : await readCounts(url, account, lastBlock));
    }
    counts.look(found.nearEpoch, found.counts);
  };

  /**
   * Hash of the last block of the NEAR epoch before the head's; null where it is not found at once. The head is asked
   * for anew: the one of this step may still lie in the epoch whose end the counts have just told.
   */
  const lastOfEpochBefore = async (): Promise<string | null> => {
    let block = await newestUpTo((await readStatus(url)).sync_info.latest_block_height);
    const nearEpoch = block?.header.epoch_id;
    for (let steps = 0; block !== null && steps < 50; steps++) {
      if (block.header.epoch_id !== nearEpoch) return block.header.hash;
      block = await readBlock(url, block.header.prev_hash);
    }
    return null;
  };

  const newestUpTo = async (height: number): Promise<RpcBlock | null> => {
    for (let at = height; at > height - 20; at--) {
      const block = await readBlock(url, at);
      if (block !== null) return block;
    }
    return null;
  };

  const step = async (): Promise<void> => {
    head = (await readStatus(url)).sync_info.latest_block_height;
    for (let height = last === null ? head : last.height + 1; height <= head && running; height++) {
      const block = await readBlock(url, height);
      if (block === null) continue;
      const ageMs = Date.now() - Number(BigInt(block.header.timestamp_nanosec) / 1_000_000n);
      if (ageMs < settleMs) break;
      await take(block);
    }
    if (performance.now() - countedAt < countsEveryMs) return;
    countedAt = performance.now();
    await count();
  };

  const loop = async (): Promise<void> => {
    let said = "";
    while (running) {
      try {
        await step();
        said = "";
      } catch (error) {
        const { message } = error as Error;
        if (message !== said) console.log(`observer: ${message}`);
        said = message;
      }
      await sleep(everyMs);
    }
  };
  void loop();
  return {
    counts,
    head: () => head,
    stop: () => {
      running = false;
    },
  };
}
