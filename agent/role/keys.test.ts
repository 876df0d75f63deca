import { describe, expect, test } from "vitest";
import { keyDue, keyFault, nextKeyFault } from "./keys.ts";
import { notReady } from "./readiness.ts";
import { blankState } from "./reduce.ts";
import { Core, heldByA, nothingFound, settings, sightAt } from "./testing.ts";
import type { AccountSight, Settings, State } from "./types.ts";

const both: Settings = { ...settings, nextPublicKey: "ed25519:new" };
const nowMs = 1_000_000;

function knowing(sight: Partial<AccountSight> | null, sealed = { keyAvailable: true, nextKeyAvailable: true }): State {
  return { ...blankState(nowMs), ...sealed, sight: sight === null ? null : sightAt(nowMs - 1000, sight) };
}

describe("the key to load", () => {
  test.for<[string, Partial<AccountSight> | null, string]>([
    ["counts in this NEAR epoch, whatever counts in the next", { nextKey: "ed25519:new" }, "ed25519:ours"],
    ["is the new one from the epoch on in which it counts", { key: "ed25519:new" }, "ed25519:new"],
    [
      "of an account that only validates in the next is that one's",
      { key: null, nextKey: "ed25519:new" },
      "ed25519:new",
    ],
    ["of an account that does not validate is validatorKey", { key: null, nextKey: null }, "ed25519:ours"],
    ["is validatorKey while the chain says nothing", null, "ed25519:ours"],
    ["is validatorKey where the chain has neither", { key: "ed25519:else" }, "ed25519:ours"],
  ])("%s", ([, sight, due]) => {
    expect(keyDue(both, knowing(sight))).toBe(due);
  });

  test("is one that can be unsealed", () => {
    const onlyNext = { keyAvailable: false, nextKeyAvailable: true };
    expect(keyDue(both, knowing({}, onlyNext))).toBe("ed25519:new");
    expect(keyDue(both, knowing({}, { keyAvailable: false, nextKeyAvailable: false }))).toBeNull();
  });
});

describe("an answer from just before the NEAR epoch turned", () => {
  const changing = { nextKey: "ed25519:new", nextStartHeight: 1000 };
  const at = (height: number): State => {
    const core = new Core(nothingFound, nowMs, both).tell({ is: "key-checked", available: true, nextAvailable: true });
    core.probe({ height }).tell({ is: "account-seen", sight: sightAt(nowMs, changing) });
    return core.state;
  };

  test("does not bring the old key into a take-over in the new one", () => {
    expect(keyDue(both, at(999))).toBe("ed25519:ours");
    expect(keyDue(both, at(1000))).toBe("ed25519:new");
  });

  test("does not make ready who has the old key alone", () => {
    expect(keyFault(settings, at(999), nowMs)).toBeNull();
    expect(keyFault(settings, at(1000), nowMs)).toContain("in this NEAR epoch the chain has ed25519:new");
  });
});

describe("a key that does not count", () => {
  test("now: the standby is not ready, and says which one the chain has", () => {
    const state = knowing({ key: "ed25519:else", nextKey: "ed25519:else" });
    expect(keyFault(settings, state, nowMs)).toBe(
      "its key does not count: in this NEAR epoch the chain has ed25519:else for the account",
    );
    expect(notReady(settings, state, nowMs)).toContain("its key does not count");
  });

  test("from the next NEAR epoch on: it is ready, and says so hours before", () => {
    const state = knowing({ nextKey: "ed25519:else" });
    expect(keyFault(settings, state, nowMs)).toBeNull();
    expect(nextKeyFault(settings, state, nowMs)).toContain("from the next NEAR epoch on the chain has ed25519:else");
    expect(nextKeyFault(both, knowing({ nextKey: "ed25519:new" }), nowMs)).toBeNull();
  });

  test("although it was given: its sealed form cannot be read", () => {
    const state = knowing({ nextKey: "ed25519:new" }, { keyAvailable: true, nextKeyAvailable: false });
    expect(nextKeyFault(both, state, nowMs)).toContain("is missing or unreadable");
    const counting = knowing({ key: "ed25519:new" }, { keyAvailable: true, nextKeyAvailable: false });
    expect(keyFault(both, counting, nowMs)).toContain("is missing or unreadable");
  });

  test.for<[string, State]>([
    ["when the chain was not asked", knowing(null)],
    ["of an account that does not validate", knowing({ standing: "none", key: null, nextKey: null })],
    ["by an answer that is too old", { ...knowing({}), sight: sightAt(nowMs - 200_000, { key: "ed25519:else" }) }],
  ])("is not said %s", ([, state]) => {
    expect([keyFault(settings, state, nowMs), nextKeyFault(settings, state, nowMs)]).toEqual([null, null]);
  });
});

describe("a standby", () => {
  const ready = (own = settings) =>
    new Core(nothingFound, nowMs, own).tell({ is: "key-checked", available: true, nextAvailable: own !== settings });
  const takes = (core: Core) => core.asked("create-session").length > 0;

  test("does not take over with a key that does not count", () => {
    const core = ready().live(1000, heldByA(50));
    core.tell({ is: "account-seen", sight: sightAt(core.nowMs, { key: "ed25519:else" }) });
    expect(takes(core.live(8000, heldByA(50)))).toBe(false);
    expect(core.state.because).toContain("not ready: its key does not count");
  });

  test("takes over when the chain cannot be asked", () => {
    expect(takes(ready().live(8000, heldByA(50)))).toBe(true);
  });

  test("loads the one that counts", () => {
    const core = ready(both).live(7600, heldByA(50));
    core.tell({ is: "account-seen", sight: sightAt(core.nowMs, { key: "ed25519:new", nextKey: "ed25519:new" }) });
    core.tell({ is: "session-created", serial: core.state.serial, session: "session-b" });
    core.tell({ is: "took-over", serial: core.state.serial, sentMs: core.nowMs, lockIndex: 5 });
    core.effects = [];
    expect(core.done().asked("load-key")).toMatchObject([{ key: "ed25519:new" }]);
    core.done().after(50).probe({ validatorKey: "ed25519:ours" });
    expect(core.state.phase.name, "the other one of the two is not the one meant").toBe("taking");
    expect(core.after(50).probe({ validatorKey: "ed25519:new" }).state.phase.name).toBe("active");
  });

  test("with either key in its neard has no lease, and demotes", () => {
    const core = ready(both).live(500, heldByA(50)).after(10).probe({ validatorKey: "ed25519:new" });
    expect(core.state.phase.name).toBe("demoting");
  });

  test("believes nothing that a neard says that lags: its NEAR epoch is over", () => {
    const core = ready().live(1000, heldByA(50));
    core.after(20).probe({ syncing: true });
    core.tell({ is: "account-seen", sight: sightAt(core.nowMs, { key: "ed25519:else" }) });
    expect(core.state.sight).toBeNull();
    core.effects = [];
    expect(core.live(5000, heldByA(50), { headAgeMs: 60_000 }).asked("ask-account")).toEqual([]);
    expect(core.live(5000, heldByA(50)).asked("ask-account").length).toBeGreaterThan(0);
  });

  test("asks again soon when the answer speaks against its key", () => {
    const core = ready().live(1000, heldByA(50));
    core.tell({ is: "account-seen", sight: sightAt(core.nowMs, { key: "ed25519:else", nextKey: "ed25519:else" }) });
    core.effects = [];
    expect(core.live(6000, heldByA(50)).asked("ask-account").length).toBeGreaterThan(0);
  });

  test("asks for the account every minute, and every few seconds while its key changes", () => {
    const asked = (core: Core) => {
      core.effects = [];
      return core.live(60_000, heldByA(50), { height: 10 }).asked("ask-account").length;
    };
    const core = ready();
    core.live(500, heldByA(50)).tell({ is: "account-seen", sight: sightAt(core.nowMs) });
    expect(asked(core)).toBeLessThanOrEqual(1);
    const changing = { nextKey: "ed25519:new", nextStartHeight: 1000 };
    core.tell({ is: "account-seen", sight: sightAt(core.nowMs, changing) });
    expect(asked(core)).toBeGreaterThanOrEqual(10);
    core.tell({ is: "account-seen", sight: sightAt(core.nowMs, { ...changing, nextStartHeight: 20 }) });
    expect(asked(core)).toBeGreaterThanOrEqual(50);
  });
});
