import { expect, test } from "vitest";
import { sightFrom } from "./account-sight.ts";

const one = (account_id: string) => ({
  account_id,
  num_produced_blocks: 1,
  num_expected_blocks: 2,
  num_produced_chunks: 10,
  num_expected_chunks: 20,
  num_produced_endorsements: 100,
  num_expected_endorsements: 200,
});
const answer = {
  current_validators: [one("pool.near"), one("other.near")],
  next_validators: [{ account_id: "pool.near" }, { account_id: "soon.near" }],
  epoch_height: 7,
};

test("adds blocks, chunks and endorsements of the account alone", () => {
  expect(sightFrom(answer, "pool.near", 5)).toEqual({
    atMs: 5,
    nearEpoch: 7,
    standing: "validating",
    produced: 111,
    expected: 222,
  });
});

test("an account that is not in the present NEAR epoch is in the next or in none", () => {
  expect(sightFrom(answer, "soon.near", 5)).toMatchObject({ standing: "next", produced: 0, expected: 0 });
  expect(sightFrom(answer, "poo.near", 5)).toMatchObject({ standing: "none" });
});
