import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LockView } from "../lease/lock-record.ts";
import { guardTiming, guardView } from "./guard.ts";
import { Core, heldByA, markerOfA, settings, sightAt } from "./testing.ts";
import type { AccountSight } from "./types.ts";

const { duties, leastMs, windowMs } = guardTiming("localnet");
const { takeoverMs } = settings.lease;

/** As a standby makes it where there is none. */
const neverHeld: LockView = {
  modifyIndex: 12,
  lockIndex: 0,
  session: null,
  value: { host: "host-b", seq: 0 },
  seal: "right",
};

/** The account as neard counts it; tests let it grow. */
class Account {
  nearEpoch = 1;
  standing: AccountSight["standing"] = "validating";
  produced = 40;
  expected = 50;
  readonly core: Core;
  lock: LockView;
  /** When the first session was asked for; null: never. */
  actedMs: number | null = null;
  readonly startMs: number;

  constructor(lock: LockView = neverHeld) {
    this.core = new Core().tell({ is: "key-checked", available: true });
    this.startMs = this.core.nowMs;
    this.lock = lock;
  }

  sight(atMs = this.core.nowMs): AccountSight {
    const { nearEpoch, standing, produced, expected } = this;
    return sightAt(atMs, { nearEpoch, standing, produced, expected });
  }

  /** For `ms`, 100 ms each: `each` lets the counts grow, and neard answers what it is asked. */
  live(ms: number, each: (slot: number) => void = () => {}): this {
    for (let passedMs = 0; passedMs < ms; passedMs += 500) {
      each(passedMs / 500);
      this.core.live(500, this.lock);
      if (this.core.effects.some((effect) => effect.do === "create-session")) this.actedMs ??= this.core.nowMs;
      const asked = this.core.asked("ask-account").length;
      if (asked > 0) this.core.tell({ is: "account-seen", sight: this.sight() });
    }
    return this;
  }

  get view() {
    return guardView(settings, this.core.state, this.core.nowMs);
  }
}

const silent = (account: Account) => () => {
  account.expected += 1;
};
const producing = (account: Account) => () => {
  account.expected += 1;
  account.produced += 1;
};

describe("the first activation", () => {
  test("waits for proof of silence, which the lab has within the standby's own wait", () => {
    const account = new Account();
    account.live(leastMs - 500, silent(account));
    expect(account.view?.state).toBe("watching");
    account.live(takeoverMs + 2000, silent(account));
    expect(account.actedMs).not.toBeNull();
    expect((account.actedMs ?? 0) - account.startMs).toBeLessThanOrEqual(takeoverMs + 1000);
  });

  test("is refused for as long as the account is seen producing, and says what to do", () => {
    const account = new Account();
    account.live(5 * 60_000, producing(account));
    expect(account.actedMs).toBeNull();
    expect(account.view).toMatchObject({ state: "refusing" });
    expect(account.core.state.because).toContain("producing elsewhere");
    expect(account.view?.next).toContain("Stop the other validator");
  });

  test("goes on by itself once the account is silent", () => {
    const account = new Account();
    account.live(60_000, producing(account));
    account.live(leastMs + 5000, silent(account));
    expect(account.actedMs).not.toBeNull();
  });

  test("is refused when only one duty in ten is done: silence is none at all", () => {
    const account = new Account();
    account.live(5 * 60_000, (slot) => {
      account.expected += 1;
      if (slot % 7 === 0) account.produced += 1;
    });
    expect(account.actedMs).toBeNull();
  });

  test("an account without duties is believed silent after the window, not before", () => {
    const account = new Account();
    account.live(windowMs - 1000);
    expect(account.actedMs).toBeNull();
    account.live(4000);
    expect(account.actedMs).not.toBeNull();
  });

  test("many missed duties do not shorten the least watch", () => {
    const account = new Account();
    account.live(leastMs - 500, () => {
      account.expected += 10 * duties;
    });
    expect(account.view?.state).toBe("watching");
  });

  test("an account that is no validator needs no watch", () => {
    const account = new Account();
    account.standing = "none";
    account.live(takeoverMs + 1500);
    expect(account.actedMs).not.toBeNull();
  });

  test("one that begins with the next NEAR epoch is waited for, then watched", () => {
    const account = new Account();
    account.standing = "next";
    account.produced = account.expected = 0;
    account.live(2 * windowMs);
    expect(account.actedMs).toBeNull();
    expect(account.core.state.because).toContain("next NEAR epoch");
    account.standing = "validating";
    account.nearEpoch += 1;
    account.live(2 * windowMs, producing(account));
    expect(account.actedMs).toBeNull();
    account.live(leastMs + 5000, silent(account));
    expect(account.actedMs).not.toBeNull();
  });

  test("is not over because a foreign hand locked the key: only a host of ours can have held it", () => {
    for (const seal of ["wrong", "misplaced", "newer"] as const) {
      const foreign: LockView = { ...neverHeld, lockIndex: 3, seal };
      const account = new Account(foreign);
      account.live(90_000, producing(account));
      expect(account.actedMs).toBeNull();
    }
  });

  test("is not decided by a marker that somebody wrote into a lock that nobody held", () => {
    const released = { ...markerOfA, epoch: 0, because: "forged" };
    const account = new Account({
      modifyIndex: 9,
      lockIndex: 0,
      session: null,
      value: { host: "host-a", seq: 1, released },
      seal: "right",
    });
    account.live(60_000, producing(account));
    expect(account.actedMs).toBeNull();
  });
});

describe("the watch begins anew", () => {
  /** Watched silence up to just before the proof is complete. */
  const nearlyProven = () => {
    const account = new Account();
    account.live(takeoverMs - 1000);
    account.core.tell({ is: "account-seen", sight: account.sight() });
    const sinceMs = account.core.state.guard?.silentSinceMs ?? 0;
    expect(sinceMs).toBeLessThan(account.core.nowMs - 2000);
    return account;
  };
  const isAnew = (account: Account) => {
    expect(account.core.state.guard?.silentSinceMs).toBe(account.core.nowMs);
    expect(account.core.state.guard?.missed).toBe(0);
  };

  test("with a new NEAR epoch in which the account has produced already", () => {
    const account = nearlyProven();
    account.core.after(10);
    account.nearEpoch += 1;
    // The counts happen to go on as if they were the old one's.
    account.core.tell({ is: "account-seen", sight: account.sight() });
    isAnew(account);
    expect(account.core.state.guard?.producedMs).toBe(account.core.nowMs);
  });

  test.each([
    ["that is not the next one", 2, 10],
    ["that is an earlier one", -1, 10],
    ["after a break", 1, 10_500],
  ])("with a NEAR epoch %s", (_, later, breakMs) => {
    const account = nearlyProven();
    account.core.after(breakMs).probe().see(account.lock);
    account.nearEpoch += later;
    account.produced = account.expected = 0;
    account.core.tell({ is: "account-seen", sight: account.sight() });
    isAnew(account);
  });

  test("when counts went backwards", () => {
    const account = nearlyProven();
    account.core.after(10);
    account.expected -= 1;
    account.core.tell({ is: "account-seen", sight: account.sight() });
    isAnew(account);
  });

  test("after a break", () => {
    const account = nearlyProven();
    account.core.after(10_500).probe().see(account.lock).tell({ is: "account-seen", sight: account.sight() });
    isAnew(account);
  });

  test("when neard stopped following the chain meanwhile", () => {
    const account = nearlyProven();
    account.core.probe({ syncing: true });
    expect(account.core.state.guard?.last).toBeNull();
    expect(account.view?.state).toBe("watching");
    account.core.probe().tell({ is: "account-seen", sight: account.sight() });
    isAnew(account);
  });

  test("and an answer that was overtaken tells nothing", () => {
    const account = nearlyProven();
    const before = account.core.state.guard;
    account.produced += 5;
    account.core.tell({ is: "account-seen", sight: account.sight(account.core.nowMs - 3000) });
    expect(account.core.state.guard).toEqual(before);
  });

  test("an old answer proves nothing about now", () => {
    const account = nearlyProven();
    for (let i = 0; i < 25; i++) account.core.live(500, account.lock);
    expect(account.view?.because).toContain("has not said yet");
  });
});

describe("over the NEAR epochs of a chain with short ones", () => {
  /** A NEAR epoch of so many slots of 500 ms; `signs` says in which slots the account does its duty. */
  const shortEpochs = (slots: number, signs: (slot: number) => boolean, account = new Account()) => ({
    account,
    each: (slot: number) => {
      if (slot % slots === 0) {
        account.nearEpoch += 1;
        account.produced = account.expected = 0;
      }
      account.expected += 1;
      if (signs(slot)) account.produced += 1;
    },
  });

  test("silence is believed, however short they are", () => {
    // A NEAR epoch of 5 s and more: shorter than twice the pause between two questions, hardly anything of it is seen.
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 90 }), (slots) => {
        const { account, each } = shortEpochs(slots, () => false);
        account.live(60_000, each);
        expect(account.actedMs).not.toBeNull();
      }),
      { numRuns: 40 },
    );
  });

  test("an account that does one duty in four is never taken for silent", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 60 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 60, maxLength: 60 }),
        (slots, picks) => {
          const { account, each } = shortEpochs(slots, (slot) => slot % 4 === picks[Math.floor(slot / 4)]);
          account.live(120_000, each);
          expect(account.actedMs).toBeNull();
        },
      ),
      { numRuns: 40 },
    );
  });

  test("their last seconds, whose counts are lost, are no part of the watch", () => {
    const account = new Account();
    account.expected = account.produced = 0;
    account.core.probe().see(account.lock);
    account.core.tell({ is: "account-seen", sight: account.sight() });
    account.core.after(2000).probe().see(account.lock);
    account.core.tell({ is: "account-seen", sight: account.sight() });
    account.core.after(2000).probe().see(account.lock);
    account.nearEpoch += 1;
    account.expected = 3;
    account.core.tell({ is: "account-seen", sight: account.sight() });
    const { silentSinceMs = 0, missed } = account.core.state.guard ?? {};
    expect(account.core.nowMs - silentSinceMs).toBe(2000);
    expect(missed).toBe(3);
  });
});

describe("once anybody held the lock", () => {
  test("a standby takes over without looking at the account", () => {
    const account = new Account(heldByA(50));
    account.live(takeoverMs + 1000, producing(account));
    expect(account.actedMs).not.toBeNull();
    expect(account.core.state.guard).toBeNull();
  });

  test("the watch ends with the first holder, and begins again when Consul's data is gone", () => {
    const account = new Account();
    account.live(3000, producing(account));
    expect(account.core.state.guard).not.toBeNull();
    account.lock = heldByA(50);
    account.live(1000, producing(account));
    expect(account.core.state.guard).toBeNull();
    account.lock = neverHeld;
    account.live(60_000, producing(account));
    expect(account.actedMs).toBeNull();
    account.live(leastMs + 5000, silent(account));
    expect(account.actedMs).not.toBeNull();
  });
});

test("public networks watch for two minutes at least, and fifteen where there are no duties", () => {
  expect(guardTiming("mainnet")).toEqual(guardTiming("testnet"));
  expect(guardTiming("mainnet")).toEqual({ duties: 30, leastMs: 120_000, windowMs: 900_000 });
});
