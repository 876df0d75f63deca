/** What neard's `validators` says of one account. Pure. */
import type { AccountSight, Duties } from "../role/types.ts";
import type { NeardValidators } from "./rpc.ts";

const nothing = { produced: 0, expected: 0 };
const noDuties: Duties = { blocks: nothing, chunks: nothing, endorsements: nothing };

/** @param atMs when neard was asked */
export function sightFrom(answer: NeardValidators, account: string, atMs: number): AccountSight {
  const ours = answer.current_validators.find((one) => one.account_id === account);
  const next = answer.next_validators.find((one) => one.account_id === account);
  const duties = ours === undefined ? noDuties : dutiesOf(ours);
  const { blocks, chunks, endorsements } = duties;
  return {
    atMs,
    nearEpoch: answer.epoch_height,
    standing: ours !== undefined ? "validating" : next !== undefined ? "next" : "none",
    produced: blocks.produced + chunks.produced + endorsements.produced,
    expected: blocks.expected + chunks.expected + endorsements.expected,
    duties,
    key: ours?.public_key ?? null,
    nextKey: next?.public_key ?? null,
    nextStartHeight: null,
  };
}

/** Whether the account's key changes with the next NEAR epoch, so that its first height is worth a question more. */
export function isKeyChanging({ key, nextKey }: AccountSight): boolean {
  return nextKey !== null && nextKey !== key;
}

function dutiesOf(ours: NeardValidators["current_validators"][number]): Duties {
  return {
    blocks: { produced: ours.num_produced_blocks, expected: ours.num_expected_blocks },
    chunks: { produced: ours.num_produced_chunks, expected: ours.num_expected_chunks },
    endorsements: { produced: ours.num_produced_endorsements, expected: ours.num_expected_endorsements },
  };
}
