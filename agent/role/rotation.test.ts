import { describe, expect, test } from "vitest";
import { heardView, noDuties } from "./heard.ts";
import { admitSwitchover } from "./switchover.ts";
import { activeCore, Core, heldByA, nothingFound, settings, sightAt } from "./testing.ts";
import type { AccountSight, ActivePhase, Probe, Settings } from "./types.ts";

const both: Settings = { ...settings, nextPublicKey: "ed25519:new" };
const startHeight = 1000;
/** The account's key is another one from height 1000 on. */
const changing: Partial<AccountSight> = { nextKey: "ed25519:new", nextStartHeight: startHeight };
const changed: Partial<AccountSight> = { nearEpoch: 8, key: "ed25519:new", nextKey: "ed25519:new" };

/** A holder with the old key, whose neard has just seen `height`. */
function holderAt(height: number, sight: Partial<AccountSight> = changing): Core {
  const core = activeCore(both);
  core.tell({ is: "account-seen", sight: sightAt(core.nowMs, sight) });
  return look(core, 100, { height });
}

/** Time passes, the lease is renewed, and neard is asked. */
function look(core: Core, ms: number, probe: Partial<Probe> = {}): Core {
  core.after(ms).tell({ is: "renewed", session: "session-b", sentMs: core.nowMs, lockIndex: 5 });
  return core.probe({ validatorKey: settings.publicKey, ...probe });
}

const see = (core: Core, sight: Partial<AccountSight>) =>
  core.tell({ is: "account-seen", sight: sightAt(core.nowMs, sight) });
const active = (core: Core) => core.state.phase as ActivePhase;
const doing = (core: Core) => core.asked("unload-key").length;
const loads = (core: Core) => core.asked("load-key").map(({ key }) => key);

describe("the account's key changes with the next NEAR epoch", () => {
  test("nothing happens as long as it is far", () => {
    expect(doing(holderAt(startHeight - 4))).toBe(0);
  });

  test("shortly before, the old key is taken away; when the chain has the new one, it is loaded; neard lives on", () => {
    const core = holderAt(startHeight - 3);
    expect(doing(core)).toBe(1);
    look(core.done(), 300, { height: startHeight - 2, validatorKey: null });
    expect(loads(see(core, changing)), "not before the chain says so").toEqual([]);
    look(core, 1500, { height: startHeight, validatorKey: null });
    expect(loads(see(core, changed))).toEqual(["ed25519:new"]);
    look(core.done(), 30, { height: startHeight, validatorKey: "ed25519:new" });
    expect(active(core)).toMatchObject({ name: "active", key: "ed25519:new", swap: null, process: "1:1" });
    expect(core.state.because).toContain("new key");
    look(core, 1000, { height: startHeight + 1, validatorKey: "ed25519:new" });
    expect(core.state.because).toBe("holds the lease; neard has the key");
  });

  test("an answer from before the unload does not bring the new key into the old epoch", () => {
    const core = holderAt(startHeight - 3);
    const before = sightAt(core.nowMs - 50, changed);
    look(core.done(), 300, { validatorKey: null }).effects = [];
    core.state = { ...core.state, sight: before };
    expect(loads(core.tell({ is: "tick" }))).toEqual([]);
  });

  test("a key that this host was not given is not waited for", () => {
    expect(doing(holderAt(startHeight, { ...changing, nextKey: "ed25519:else" }))).toBe(0);
  });

  test("a SIGHUP that was lost is sent again, at the unload and at the load", () => {
    const core = holderAt(startHeight - 3).done();
    core.effects = [];
    expect(doing(look(core, 1000))).toBe(0);
    expect(doing(look(core, 600))).toBe(1);
    see(look(core.done(), 300, { validatorKey: null }), changed).done();
    core.effects = [];
    expect(loads(look(core, 1600, { validatorKey: null }))).toEqual(["ed25519:new"]);
  });

  test("a chain that does not get to its next epoch gets the old key back, and is left with it", () => {
    const core = holderAt(startHeight - 3).done();
    for (let i = 0; i < 21; i++) look(core, 1000, { height: startHeight - 1, validatorKey: null });
    expect(loads(core)).toEqual([settings.publicKey]);
    look(core.done(), 30, { height: startHeight - 1 });
    expect(active(core)).toMatchObject({ key: settings.publicKey, swap: null });
    expect(doing(look(see(core, changing), 1000, { height: startHeight - 1 }))).toBe(0);
  });

  test("one that began too early is taken back at once, and begins again when it is due", () => {
    const core = holderAt(startHeight - 3).done();
    look(core, 300, { height: startHeight - 2, validatorKey: null }).effects = [];
    expect(loads(see(core, { ...changing, nextStartHeight: startHeight + 100 }))).toEqual([settings.publicKey]);
    look(core.done(), 30, { height: startHeight - 1 });
    expect(active(core)).toMatchObject({ key: settings.publicKey, swap: null });
    core.effects = [];
    expect(doing(look(core, 1000, { height: startHeight + 96 }))).toBe(0);
    expect(doing(look(core, 1000, { height: startHeight + 97 }))).toBe(1);
  });

  test("what is missed in between is not said to be unheard", () => {
    const core = holderAt(startHeight - 3).done();
    const missed = { produced: 0, expected: 9 };
    see(look(core, 300, { validatorKey: null }), { ...changing, duties: { ...noDuties, endorsements: missed } });
    look(see(look(core, 300, { validatorKey: null }), changed).done(), 30, { validatorKey: "ed25519:new" });
    see(look(core, 500, { validatorKey: "ed25519:new" }), changed);
    expect(active(core).swap).toBeNull();
    expect(heardView(core.state, core.nowMs)).toMatchObject({ duties: noDuties, notHeardMs: 0 });
  });

  test("an epoch that turned unseen: the key that counts is loaded at once", () => {
    expect(loads(holderAt(startHeight + 5, changed))).toEqual(["ed25519:new"]);
  });
});

test("a take-over just after the NEAR epoch turned does not go back to the old key by an answer from before", () => {
  const core = new Core(nothingFound, 1_000_000, both);
  core.tell({ is: "key-checked", available: true, nextAvailable: true }).live(7000, heldByA(50), { height: 995 });
  see(core, changing);
  core.live(700, heldByA(50), { height: startHeight + 1 });
  core.tell({ is: "session-created", serial: core.state.serial, session: "session-b" });
  core.tell({ is: "took-over", serial: core.state.serial, sentMs: core.nowMs, lockIndex: 5 });
  core.done().done();
  expect(loads(core)).toEqual(["ed25519:new"]);
  core.after(50).probe({ validatorKey: "ed25519:new", height: startHeight + 1 });
  expect(active(core)).toMatchObject({ name: "active", key: "ed25519:new" });
  core.after(100).tell({ is: "tick" });
  expect(loads(core)).toEqual([]);
});

test("a switchover that waits is dropped for it, and goes nowhere in the middle of it", () => {
  const core = holderAt(startHeight - 10);
  core.tell({ is: "switchover-asked", job: { id: "s", to: "host-a", window: true, startedMs: core.nowMs } });
  look(core, 500, { height: startHeight - 9 });
  expect(core.state.phase.name).toBe("handing");
  look(core, 500, { height: startHeight - 3 });
  expect(core.state).toMatchObject({ phase: { name: "active" }, lastSwitchover: { state: "failed" } });
  core.effects = [];
  expect(doing(look(core, 500, { height: startHeight - 3 }))).toBe(1);
  const asked = admitSwitchover(both, core.state, { window: false }, core.nowMs);
  expect(asked).toMatchObject({ refused: expect.stringContaining("new key"), mayPass: true });
});

describe("a swap that is cut in the middle", () => {
  const cuts: [string, (core: Core) => unknown][] = [
    ["the unload fails", (core) => core.fail()],
    ["neard dies", (core) => look(core.done(), 100, { process: null, answered: false, validatorKey: null })],
    ["the lease ends", (core) => core.done().after(7000).tell({ is: "tick" })],
    [
      "neard does not take the new key",
      (core) => {
        see(look(core.done(), 300, { validatorKey: null }), changed).done();
        for (let i = 0; i < 10 && core.state.phase.name === "active"; i++) {
          look(core, 1600, { validatorKey: null });
          if (active(core).swap?.step === "loading") core.done();
        }
      },
    ],
  ];
  test.for(cuts)("%s: neard is killed, whatever key it has", ([, cut]) => {
    const core = holderAt(startHeight - 3);
    cut(core);
    expect(core.state.phase).toMatchObject({ name: "demoting", step: "shutting" });
    core.effects = [];
    expect(core.done().asked("kill-neard")).toHaveLength(1);
  });

  test("the agent is restarted: with either key in neard it goes on, with none it lets go", () => {
    const { lease } = active(holderAt(startHeight - 3));
    const restarted = (validatorKey: string | null) => {
      const core = new Core({ ...nothingFound, savedLease: lease, armed: "for-lease" }, lease.deadlineMs - 3000, both);
      return core.tell({ is: "key-checked", available: true, nextAvailable: true }).after(20).probe({ validatorKey });
    };
    expect(restarted("ed25519:new").state.phase).toMatchObject({ name: "active", key: "ed25519:new" });
    expect(restarted("ed25519:ours").state.phase).toMatchObject({ name: "active", key: "ed25519:ours" });
    expect(restarted("ed25519:else").state.phase.name).toBe("demoting");
    expect(restarted(null).state.phase.name).toBe("demoting");
  });
});

test("a neard that lost its key is not left alive, though no other host is ready", () => {
  const core = activeCore();
  look(core, 1000, { validatorKey: null });
  expect(core.state.phase.name, "it may be a reload of somebody's").toBe("active");
  look(core, 2500, { validatorKey: null });
  expect(core.state).toMatchObject({ phase: { name: "demoting" }, because: "neard no longer has the key" });
});
