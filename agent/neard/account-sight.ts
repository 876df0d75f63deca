/** What neard's `validators` says of one account. Pure. */
import type { AccountSight } from "../role/types.ts";
import type { NeardValidators } from "./rpc.ts";

/** @param atMs when neard was asked */
export function sightFrom(answer: NeardValidators, account: string, atMs: number): AccountSight {
  const nearEpoch = answer.epoch_height;
  const ours = answer.current_validators.find((one) => one.account_id === account);
  if (ours === undefined) {
    const isNext = answer.next_validators.some((one) => one.account_id === account);
    return { atMs, nearEpoch, standing: isNext ? "next" : "none", produced: 0, expected: 0 };
  }
  return {
    atMs,
    nearEpoch,
    standing: "validating",
    produced: ours.num_produced_blocks + ours.num_produced_chunks + ours.num_produced_endorsements,
    expected: ours.num_expected_blocks + ours.num_expected_chunks + ours.num_expected_endorsements,
  };
}
