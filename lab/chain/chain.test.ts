import { beforeEach, describe, expect, test } from "vitest";
import { generateValidatorKey } from "../../contract/near-key.ts";
import { Chain } from "./chain.ts";
import { genesis, ours } from "./fixtures.ts";
import { producerAt, slotStartMs } from "./schedule.ts";
import { type SignatureMessage, signedText, signingKey, signText } from "./wire.ts";
import type { WitnessEvent } from "./witness-event.ts";

const source = { host: "a", address: "10.0.0.1" };
let events: WitnessEvent[];
let chain: Chain;

/** The first height from `from` on that is, or is not, ours. */
function heightOf(isOurs: boolean, from = 1): number {
  let height = from;
  while ((producerAt(genesis, height) === ours.accountId) !== isOurs) height++;
  return height;
}

function message(height: number, more: Partial<SignatureMessage> = {}, key = ours): SignatureMessage {
  const kind = producerAt(genesis, height) === ours.accountId ? "block" : "endorsement";
  const fields = { kind, height, prevHash: chain.head.hash, account: ours.accountId, ...more } as const;
  const signature = signText(signingKey(key.secretKey), signedText(chain.hash, fields));
  return { type: "signature", publicKey: ours.publicKey, signature, tenure: "t", sentMs: 0, ...fields, ...more };
}

beforeEach(() => {
  events = [];
  chain = new Chain(genesis, (event) => events.push(event), 0);
});

describe("a slot of ours", () => {
  test("is produced by a block that comes while it is open, and moves the head", () => {
    const height = heightOf(true);
    chain.advance(height);
    expect(chain.accept(message(height), source, slotStartMs(genesis, height) + 3)).toBeUndefined();
    chain.advance(height + 1);
    expect(events).toMatchObject([
      { type: "signature", host: "a", height, kind: "block", onTime: true },
      { type: "slot", height, accepted: true },
    ]);
    expect(chain.head.height).toBe(height);
  });

  test("is missed without one: the head stays, and the block that comes then is late", () => {
    const height = heightOf(true);
    const before = chain.head;
    chain.advance(height);
    chain.advance(height + 1);
    expect(chain.head).toEqual(before);
    expect(chain.accept(message(height), source, 0)).toBeUndefined();
    expect(events).toMatchObject([
      { type: "slot", accepted: false },
      { type: "signature", onTime: false },
    ]);
    expect(chain.stats.find((one) => one.account === ours.accountId)).toMatchObject({ produced: 0, expected: 1 });
  });
});

test("another's slot is produced in any case; our endorsement counts for us", () => {
  const height = heightOf(false);
  chain.advance(height);
  chain.accept(message(height), source, 0);
  chain.advance(height + 1);
  expect(chain.head.height).toBe(height);
  const stats = chain.stats.find((one) => one.account === ours.accountId);
  expect(stats).toMatchObject({ endorsed: 1, expectedEndorsements: 1 });
});

describe("what is refused", () => {
  const cases: [string, (height: number) => SignatureMessage, RegExp][] = [
    ["a signature by another key", (h) => message(h, {}, generateValidatorKey(ours.accountId)), /is not by/],
    ["a key that is not staked", (h) => message(h, { publicKey: "ed25519:x" }), /is not the key of/],
    ["a stranger", (h) => message(h, { account: "pool.localnet" }), /is no validator/],
    ["a height that has not begun", (h) => message(h + 1), /has not begun/],
    ["a block out of turn", (h) => message(h, { kind: "block" }), /has no block to sign/],
    ["something that is no signature", (h) => ({ ...message(h), signature: "0OIl" }), /is not by/],
    ["a signature for another previous block", (h) => ({ ...message(h), prevHash: "x" }), /is not by/],
  ];
  test.each(cases)("%s", (_, make, because) => {
    const height = heightOf(false);
    chain.advance(height);
    expect(chain.accept(make(height), source, 1)).toMatch(because);
    expect(events).toMatchObject([{ type: "rejected", host: "a", because: expect.stringMatching(because) }]);
  });
});

test("heights never repeat", () => {
  chain.advance(5);
  expect(() => chain.advance(5)).toThrow("does not follow");
});

test("a new NEAR epoch counts from zero", () => {
  chain.advance(99);
  chain.advance(100);
  expect(chain.stats.every((one) => one.expected + one.expectedEndorsements === 0)).toBe(true);
});
