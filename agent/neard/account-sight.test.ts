import { expect, test } from "vitest";
import { genesis, genesisMs, ours } from "../../lab/chain/fixtures.ts";
import { validators } from "../../lab/neard/rpc-answers.ts";
import type { NodeView } from "../../lab/neard/view.ts";
import { isKeyChanging, sightFrom } from "./account-sight.ts";
import { validatorsSchema } from "./rpc.ts";

const one = (account_id: string) => ({
  account_id,
  public_key: `ed25519:${account_id}`,
  num_produced_blocks: 1,
  num_expected_blocks: 2,
  num_produced_chunks: 10,
  num_expected_chunks: 20,
  num_produced_endorsements: 100,
  num_expected_endorsements: 200,
});
const answer = {
  current_validators: [one("pool.near"), one("other.near")],
  next_validators: [
    { account_id: "pool.near", public_key: "ed25519:new" },
    { account_id: "soon.near", public_key: "ed25519:soon" },
  ],
  epoch_height: 7,
  epoch_start_height: 700,
};

test("adds blocks, chunks and endorsements of the account alone", () => {
  expect(sightFrom(answer, "pool.near", 5)).toEqual({
    atMs: 5,
    nearEpoch: 7,
    standing: "validating",
    produced: 111,
    expected: 222,
    duties: {
      blocks: { produced: 1, expected: 2 },
      chunks: { produced: 10, expected: 20 },
      endorsements: { produced: 100, expected: 200 },
    },
    key: "ed25519:pool.near",
    nextKey: "ed25519:new",
    nextStartHeight: null,
  });
});

test("an account that is not in the present NEAR epoch is in the next or in none", () => {
  expect(sightFrom(answer, "soon.near", 5)).toMatchObject({
    standing: "next",
    produced: 0,
    key: null,
    nextKey: "ed25519:soon",
  });
  expect(sightFrom(answer, "poo.near", 5)).toMatchObject({ standing: "none" });
});

test("the lab's neard answers in the form that is asked for, with what its chain counts", () => {
  const stats = [{ account: ours.accountId, produced: 9, expected: 10, endorsed: 80, expectedEndorsements: 88 }];
  const head = { height: 98, hash: "head", timeMs: genesisMs };
  const answered = validatorsSchema.parse(validators({ genesis, stats, head } as unknown as NodeView));
  // The producer of a block has produced its one chunk, too.
  expect(sightFrom(answered, ours.accountId, 5)).toMatchObject({ standing: "validating", produced: 98, expected: 108 });
});

test("an answer without the counts is refused: absent ones must not look like silence", () => {
  const { num_produced_blocks: _, ...less } = one("pool.near");
  expect(validatorsSchema.safeParse({ ...answer, current_validators: [less] }).success).toBe(false);
});

test("a key that is another one in the next NEAR epoch is changing; an account that leaves has none to change to", () => {
  const { key, ...rest } = sightFrom(answer, "pool.near", 5);
  expect(isKeyChanging({ key, ...rest })).toBe(true);
  expect(isKeyChanging({ ...rest, key: "ed25519:new" })).toBe(false);
  expect(isKeyChanging(sightFrom(answer, "other.near", 5))).toBe(false);
});
