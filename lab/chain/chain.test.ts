import { beforeEach, describe, expect, test } from "vitest";
import { generateValidatorKey } from "../../contract/near-key.ts";
import { Chain } from "./chain.ts";
import { genesis, ours } from "./fixtures.ts";
import { isRelayed, producerAt, slotStartMs } from "./schedule.ts";
import { type SignatureMessage, signedText, signingKey, signText, type Tier1Message, tier1Text } from "./wire.ts";
import type { WitnessEvent } from "./witness-event.ts";

const source = { host: "a", address: "10.0.0.1", nodeKey: "ed25519:a" };
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

/** The others' words of the open height reach the neard of `nodeKey`. */
function heardBy(nodeKey: string, words = chain.duties): void {
  for (const { from, token } of words)
    chain.received({ type: "received", from, height: chain.open ?? 0, token }, { ...source, nodeKey });
}

beforeEach(() => {
  events = [];
  chain = new Chain(genesis, (event) => events.push(event), 0);
});

describe("a slot of ours", () => {
  test("is produced by an approved block that comes while it is open, and moves the head", () => {
    const height = heightOf(true);
    chain.advance(height);
    heardBy(source.nodeKey);
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
    heardBy(source.nodeKey);
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

describe("bytes of an old holder's connection", () => {
  const other = { host: "b", address: "10.0.0.2", nodeKey: "ed25519:b" };
  const strays = () => events.filter((event) => event.type === "stray");

  test("are none's fault until another host signs, and told from then on", () => {
    const height = heightOf(true);
    chain.advance(height);
    chain.holderSent(source, 10, 0);
    chain.accept(message(height, { tenure: "of a" }), source, 0);
    chain.holderSent(source, 10, 1);
    chain.advertised(
      { type: "advertise", account: ours.accountId, publicKey: ours.publicKey, version: 2, tenure: "of b" },
      other,
      2,
    );
    chain.holderSent(source, 10, 3);
    expect(strays(), "a key that merely lies in a neard").toEqual([]);
    chain.accept(message(height, { tenure: "of b" }), other, 4);
    chain.holderSent(other, 10, 5);
    chain.holderSent(source, 7, 6);
    // A belated signature makes its host no holder again.
    chain.accept(message(height, { tenure: "of a" }), source, 7);
    chain.holderSent(source, 8, 8);
    expect(strays()).toMatchObject([
      { host: "a", bytes: 7, atMs: 6 },
      { host: "a", bytes: 8, atMs: 8 },
    ]);
  });
});

describe("a block that was signed in time is accepted only with approvals", () => {
  const height = heightOf(true);
  const accepted = (approve: () => void) => {
    chain.advance(height);
    approve();
    chain.accept(message(height), source, 0);
    chain.advance(height + 1);
    return events.find((event) => event.type === "slot")?.accepted;
  };

  test("of more than two thirds of the stake: 100 of ours and 150 of 300 are not", () => {
    expect(accepted(() => heardBy(source.nodeKey, chain.duties.slice(1)))).toBe(false);
  });

  test("that came to the neard that signed it, not to another", () => {
    expect(accepted(() => heardBy("ed25519:b"))).toBe(false);
  });

  test("that were sent: a neard cannot make them up", () => {
    expect(
      accepted(() =>
        heardBy(
          source.nodeKey,
          chain.duties.map((duty) => ({ ...duty, token: "guess" })),
        ),
      ),
    ).toBe(false);
  });

  test("whatever the order in which they and the block come", () => {
    chain.advance(height);
    chain.accept(message(height), source, 0);
    heardBy(source.nodeKey);
    chain.advance(height + 1);
    expect(events).toMatchObject([{ type: "signature" }, { type: "slot", accepted: true }]);
    expect(chain.stats.find((one) => one.account === ours.accountId)).toMatchObject({ produced: 1, expected: 1 });
  });
});

describe("another's slot is produced in any case, and our endorsement counts for us", () => {
  function endorsing(height: number, hear: () => void) {
    chain.advance(height);
    hear();
    chain.accept(message(height), source, 0);
    chain.advance(height + 1);
    expect(chain.head.height).toBe(height);
    return chain.stats.find((one) => one.account === ours.accountId);
  }
  /** The first height of another whose witness comes over others too, or only from its producer. */
  const theirs = (relayed: boolean) => {
    let height = heightOf(false);
    while (isRelayed(genesis, height) !== relayed) height = heightOf(false, height + 1);
    return height;
  };

  test("with the witness of its chunk, from its producer", () => {
    const height = theirs(false);
    const producer = producerAt(genesis, height);
    const hear = () =>
      heardBy(
        source.nodeKey,
        chain.duties.filter(({ from }) => from === producer),
      );
    expect(endorsing(height, hear)).toMatchObject({ endorsed: 1, expectedEndorsements: 1 });
  });

  test("or without it, where others relay it", () => {
    expect(endorsing(theirs(true), () => {})).toMatchObject({ endorsed: 1, expectedEndorsements: 1 });
    expect(events.at(-1)).toMatchObject({ type: "slot", endorsed: true });
  });

  test("not where only the producer sends it, and that goes elsewhere", () => {
    expect(endorsing(theirs(false), () => heardBy("ed25519:b"))).toMatchObject({
      endorsed: 0,
      expectedEndorsements: 1,
    });
  });
});

describe("the account's key on chain", () => {
  const next = generateValidatorKey(ours.accountId);
  const { epoch_length } = genesis;

  test("is another from the NEAR epoch on in which a new stake counts", () => {
    chain = new Chain(genesis, (event) => events.push(event), 0, [{ publicKey: next.publicKey, fromNearEpoch: 2 }]);
    const last = 2 * epoch_length - 1;
    expect(chain.validatorKeys(last)).toEqual({ current: ours.publicKey, next: next.publicKey });
    chain.advance(last);
    expect(chain.accept(message(last), source, 0)).toBeUndefined();
    chain.advance(last + 1);
    expect(chain.accept(message(last + 1), source, 0)).toMatch(/is not the key of/);
    expect(chain.accept(message(last + 1, { publicKey: next.publicKey }, next), source, 0)).toBeUndefined();
  });

  test("is what a tier-1 handshake must be signed with", () => {
    const said = {
      genesisHash: chain.hash,
      peer: "node1.localnet",
      account: ours.accountId,
      publicKey: ours.publicKey,
      nodeKey: "ed25519:a",
    };
    const handshake = (more: object = {}, key = ours): Tier1Message => {
      const all = { ...said, ...more };
      return { type: "tier1", ...all, signature: signText(signingKey(key.secretKey), tier1Text(all)) };
    };
    expect(chain.tier1Fault(handshake())).toBeUndefined();
    expect(chain.tier1Fault(handshake({}, next))).toMatch(/is not signed by/);
    expect(chain.tier1Fault(handshake({ publicKey: next.publicKey }, next))).toMatch(/is not the key of/);
    expect(chain.tier1Fault(handshake({ peer: "nobody.localnet" }))).toMatch(/is no validator/);
    expect(chain.tier1Fault(handshake({ genesisHash: "x" }))).toMatch(/its genesis is/);
  });
});

test("a tenure's first word is recorded, and nothing of a process without key, or with another one", () => {
  const word = (tenure: string | null, key = ours) =>
    chain.advertised(
      { type: "advertise", account: ours.accountId, publicKey: key.publicKey, version: 1, tenure },
      source,
      7,
    );
  expect(["one", "one", null, "two"].map((tenure) => word(tenure))).toEqual([true, true, true, true]);
  expect(word("three", generateValidatorKey(ours.accountId))).toBe(false);
  expect(events).toMatchObject([
    { type: "key", host: "a", tenure: "one", atMs: 7 },
    { type: "key", tenure: "two" },
  ]);
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
