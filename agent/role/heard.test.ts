import { describe, expect, test } from "vitest";
import type { HistoryEntry } from "../../contract/wire/history.ts";
import { heardView } from "./heard.ts";
import { activeCore, type Core, settings } from "./testing.ts";
import type { AccountSight, Duties, Effect } from "./types.ts";

type Step = Partial<Record<keyof Duties, readonly [produced: number, expected: number]>>;

/** A chain that counts for the account what each step says, and a holder that asks it. */
class Chain {
  readonly core: Core;
  nearEpoch = 7;
  standing: AccountSight["standing"] = "validating";
  #counts: Record<keyof Duties, { produced: number; expected: number }>;

  /** What the account had done before this host took over. */
  constructor(before: Step = { blocks: [50, 60], chunks: [50, 60], endorsements: [500, 600] }) {
    this.core = activeCore();
    this.#counts = Chain.#blank();
    this.add(before).answer();
  }

  static #blank() {
    const none = () => ({ produced: 0, expected: 0 });
    return { blocks: none(), chunks: none(), endorsements: none() };
  }

  add(step: Step): this {
    for (const [kind, [produced, expected]] of Object.entries(step) as [keyof Duties, [number, number]][]) {
      this.#counts[kind].produced += produced;
      this.#counts[kind].expected += expected;
    }
    return this;
  }

  newNearEpoch(): this {
    this.nearEpoch += 1;
    this.#counts = Chain.#blank();
    return this;
  }

  answer(): this {
    const { atMs, ...sight } = this.sight();
    this.core.tell({ is: "account-seen", sight: { atMs, ...sight } });
    return this;
  }

  sight(): AccountSight {
    const duties = structuredClone(this.#counts);
    const all = Object.values(duties);
    return {
      atMs: this.core.nowMs,
      nearEpoch: this.nearEpoch,
      standing: this.standing,
      produced: all.reduce((sum, one) => sum + one.produced, 0),
      expected: all.reduce((sum, one) => sum + one.expected, 0),
      duties,
      key: settings.publicKey,
      nextKey: settings.publicKey,
      nextStartHeight: null,
    };
  }

  /** So many seconds, in each of which the same falls due, and the lease is renewed; neard is asked in each `every`th. */
  seconds(count: number, step: Step, every = 1): this {
    for (let i = 1; i <= count; i += 1) {
      const { nowMs } = this.core.after(1000);
      this.core.tell({ is: "renewed", session: "session-b", sentMs: nowMs, lockIndex: 5 });
      this.add(step);
      if (i % every === 0) this.answer();
    }
    return this;
  }

  get view() {
    return heardView(this.core.state, this.core.nowMs);
  }
}

const good: Step = { endorsements: [2, 2] };
const silent: Step = { endorsements: [0, 2] };

describe("what a new holder says", () => {
  test("before anything fell due it is not known; what the account did before is not ours", () => {
    const chain = new Chain();
    expect(chain.view).toMatchObject({ state: "unknown", because: expect.stringContaining("nothing fell due yet") });
    chain.seconds(3, {});
    expect(chain.view).toMatchObject({ state: "unknown", duties: { endorsements: { produced: 0, expected: 0 } } });
  });

  test("heard, with when the first was counted, and when the first block", () => {
    const chain = new Chain()
      .seconds(2, {})
      .seconds(1, good)
      .seconds(1, { blocks: [1, 1] });
    expect(chain.view).toMatchObject({ state: "unknown", because: expect.stringContaining("all 3 so far") });
    chain.seconds(2, good);
    expect(chain.view).toMatchObject({
      state: "heard",
      because: "heard, the first 3.0 s after neard got the key, a block 4.0 s after",
      firstMs: 3000,
      firstBlockMs: 4000,
    });
  });

  test("one duty that was under way while the key moved is no silence", () => {
    const chain = new Chain().seconds(1, { blocks: [0, 1], endorsements: [0, 1] });
    expect(chain.view).toMatchObject({
      state: "unknown",
      because: expect.stringContaining("1 of 1 blocks, 1 of 1 endorsements missed so far"),
    });
    expect(chain.seconds(7, good).view?.state).toBe("heard");
  });

  test("the first one that is taken may be luck: others that listen to the old holder as well take every second", () => {
    const chain = new Chain();
    for (let second = 0; second < 20; second += 1) {
      chain.seconds(1, { endorsements: [1, 2], blocks: [0, second % 4 === 3 ? 1 : 0] });
      expect(chain.view?.state, `after ${second + 1} s`).not.toBe("heard");
    }
    expect(chain.view).toMatchObject({ state: "not-heard", firstMs: 1000 });
  });

  test("a small producer that has a block now and then is not heard when it misses one after the other", () => {
    const chain = new Chain();
    const minute = (blocks: number) =>
      chain
        .seconds(50, good, 10)
        .add({ blocks: [blocks, 1] })
        .seconds(10, good, 10);
    for (const blocks of [1, 1, 0, 1]) minute(blocks);
    expect(chain.view?.state, "one is bad luck").toBe("heard");
    for (const blocks of [0, 0, 0]) minute(blocks);
    chain.seconds(10, good);
    expect(chain.view?.because).toMatch(/\d of \d blocks missed$/);
    minute(1);
    expect(chain.view?.state).toBe("heard");
  });

  test("not heard: for how long since neard got the key, and what was missed", () => {
    const chain = new Chain().seconds(7, silent);
    expect(chain.view).toMatchObject({
      state: "not-heard",
      because: "not heard for 7.0 s: 14 of 14 endorsements missed",
      notHeardMs: 7000,
    });
  });

  test("half of the endorsements, as with a half-open connection of the old holder, are not enough", () => {
    const chain = new Chain().seconds(44, { endorsements: [1, 2], chunks: [1, 1] });
    expect(chain.view).toMatchObject({ state: "not-heard" });
    expect(chain.view?.because).toMatch(/^not heard for 4[34] s: 4\d of 8\d endorsements missed$/);
  });

  test("blocks alone: the others take its endorsements and miss its blocks", () => {
    const chain = new Chain().seconds(9, { endorsements: [2, 2] }).seconds(3, { blocks: [0, 1], endorsements: [2, 2] });
    expect(chain.view?.because).toContain("blocks missed");
  });

  test("a producer that misses one block in a while is heard", () => {
    const chain = new Chain()
      .seconds(5, good)
      .seconds(1, { blocks: [0, 1] })
      .seconds(60, good);
    expect(chain.view?.state).toBe("heard");
  });

  test("it is heard again when the last seconds are well, and does not say the old misses again", () => {
    const chain = new Chain().seconds(20, silent);
    expect(chain.view?.state).toBe("not-heard");
    chain.seconds(3, good);
    expect(chain.view?.state, "one good second proves little").toBe("not-heard");
    chain.seconds(4, good);
    expect(chain.view).toMatchObject({ state: "heard", notHeardMs: 0, firstMs: 21_000 });
    expect(chain.seconds(1, good).view?.state).toBe("heard");
  });

  test("an active holder that falls silent later counts from its first miss", () => {
    const chain = new Chain().seconds(50, good).seconds(25, silent);
    expect(chain.view?.because).toMatch(/^not heard for 2[45] s: /);
    expect(chain.view?.firstMs).toBe(1000);
  });

  test("an account that does not validate is idle", () => {
    const chain = new Chain({});
    chain.standing = "none";
    expect(chain.seconds(1, {}).view).toMatchObject({ state: "idle" });
  });

  test("a neard that no longer says is no silence of the chain", () => {
    const chain = new Chain().seconds(5, good);
    chain.core.after(60_000);
    expect(chain.view).toMatchObject({ state: "unknown", because: expect.stringContaining("neard does not say") });
  });
});

describe("the counts", () => {
  test("go on over a new NEAR epoch, in which they begin at zero", () => {
    const chain = new Chain().seconds(2, good).newNearEpoch().seconds(3, good);
    expect(chain.view).toMatchObject({ state: "heard", duties: { endorsements: { produced: 10, expected: 10 } } });
  });

  test("that are less than before are a new beginning", () => {
    const chain = new Chain().seconds(2, good).add({ endorsements: [-300, -300] });
    expect(chain.answer().view).toMatchObject({ duties: { endorsements: { produced: 4, expected: 4 } } });
  });

  test("of a question that was asked before neard had the key are not ours", () => {
    const chain = new Chain({});
    const late: AccountSight = { ...chain.sight(), atMs: chain.core.nowMs - 5000, produced: 9 };
    chain.core.after(10).tell({ is: "account-seen", sight: late });
    expect(chain.view?.duties.endorsements.expected).toBe(0);
  });
});

describe("it only speaks", () => {
  test("a holder that nobody hears stays the holder, with the same lease", () => {
    const chain = new Chain();
    chain.core.effects = [];
    chain.seconds(120, silent);
    expect(chain.view?.state).toBe("not-heard");
    expect(chain.core.state.phase).toMatchObject({ name: "active", lease: { session: "session-b", epoch: 5 } });
    // What a renewal that was confirmed leads to, and nothing else.
    expect(new Set(chain.core.effects.map((effect) => effect.do))).toEqual(new Set(["save-lease", "feed"]));
  });

  test("once the fence is shut for a switchover nothing is told any more", () => {
    const chain = new Chain().seconds(3, good);
    chain.core.tell({
      is: "stand-down",
      order: { id: "r", untilMs: chain.core.nowMs + 60_000, because: "a test" },
    });
    expect(chain.core.state.phase.name).toBe("demoting");
    expect(chain.view).toBeNull();
  });
});

describe("the history", () => {
  const written = (effects: readonly Effect[]) => effects.filter((effect) => effect.do === "write-history");
  const told = (chain: Chain) => written(chain.core.effects).map(({ heard }) => heard);

  test("is told once when anything was counted, and once when a block was", () => {
    const chain = new Chain();
    chain.core.effects = [];
    chain
      .seconds(2, good)
      .seconds(3, { blocks: [1, 1] })
      .seconds(3, good);
    const { story } = written(chain.core.effects)[0] as Extract<Effect, { do: "write-history" }>;
    const zeroMs = chain.core.nowMs - 8000 - story.lastSeenMs;
    expect(told(chain)).toEqual([
      { firstMs: zeroMs + 1000, firstBlockMs: null },
      { firstMs: zeroMs + 1000, firstBlockMs: zeroMs + 3000 },
    ] satisfies Partial<HistoryEntry>[]);
  });

  test("of an agent that was restarted is left alone: it does not know the take-over's story", () => {
    const chain = new Chain();
    const { heard } = chain.core.state;
    if (heard === null) throw new Error("an active holder listens");
    chain.core.state = { ...chain.core.state, heard: { ...heard, entry: null } };
    chain.core.effects = [];
    expect(told(chain.seconds(3, good))).toEqual([]);
  });
});
