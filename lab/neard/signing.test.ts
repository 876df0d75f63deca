import { expect, test } from "vitest";
import { generateValidatorKey } from "../../contract/near-key.ts";
import { genesis, ours } from "../chain/fixtures.ts";
import type { SlotMessage } from "../chain/wire.ts";
import { KeyCheck } from "./signing.ts";

const signer = { key: ours, tenure: "t" };
const other = { key: generateValidatorKey(ours.accountId), tenure: "u" };
const slot = (height: number, current = ours.publicKey): SlotMessage => ({
  type: "slot",
  height,
  timeMs: 0,
  producer: "node1.localnet",
  head: { height: height - 1, hash: "h", timeMs: 0 },
  protocolVersion: 84,
  peers: 1,
  stats: [],
  knownProducers: [],
  validatorKeys: { current, next: current },
});
const longAgoMs = 60_000;

test("a wrong key for a validator ends neard a moment after the load, not at once", () => {
  const check = new KeyCheck(genesis);
  expect(check.fault(other, slot(5), 500)).toBeUndefined();
  expect(check.fault(other, slot(6), 1100)).toMatch(/the key of the current epoch is/);
});

test("the check is made once in a NEAR epoch: a wrong key that comes later signs until the next begins", () => {
  const check = new KeyCheck(genesis);
  expect(check.fault(signer, slot(5), longAgoMs)).toBeUndefined();
  expect(check.fault(other, slot(50), longAgoMs)).toBeUndefined();
  expect(check.fault(other, slot(100), longAgoMs)).toMatch(/is/);
});

test("the old key ends the holder at the start of the epoch in which a new one counts", () => {
  const check = new KeyCheck(genesis);
  const next = other.key.publicKey;
  expect(check.fault(signer, slot(99), longAgoMs)).toBeUndefined();
  expect(check.fault(signer, slot(100, next), longAgoMs)).toMatch(/is/);
});

test("no check without a key, nor for an account that does not validate", () => {
  const check = new KeyCheck(genesis);
  const stranger = { key: generateValidatorKey("pool.localnet"), tenure: "v" };
  expect(check.fault(null, slot(5), longAgoMs)).toBeUndefined();
  expect(check.fault(stranger, slot(6), longAgoMs)).toBeUndefined();
});
