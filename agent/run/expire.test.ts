import { describe, expect, test } from "vitest";
import { expireOn, type Remains } from "./expire.ts";

/** A host that writes down what is done to it; `failing` names the deed that fails. */
function host(state: { armed: boolean | null; leftMs: number | null; failing?: string; hasKey?: boolean }): {
  host: Remains;
  deeds: string[];
} {
  const deeds: string[] = [];
  const deed = (name: string) => {
    if (name === state.failing) throw new Error(`${name} failed`);
    deeds.push(name);
  };
  return {
    deeds,
    host: {
      isArmed: async () => {
        if (state.armed === null) throw new Error("nft does not answer");
        return state.armed;
      },
      keyFilePresent: () => state.hasKey ?? state.armed === true,
      leaseLeftMs: () => state.leftMs,
      shut: async () => deed("shut"),
      killNeard: async () => deed("kill"),
      eraseKey: () => deed("erase"),
      disarm: async () => deed("disarm"),
      forgetLease: () => deed("forget"),
      orphansGone: async () => deed("orphans"),
    },
  };
}

describe("when the agent has ended", () => {
  test("a lease that lives is left alone: the next agent goes on with it, or the kernel ends it", async () => {
    const { host: remains, deeds } = host({ armed: true, leftMs: 1 });
    expect(await expireOn(remains, { force: false })).toContain("the lease lives for 1 ms more");
    expect(deeds).toEqual([]);
  });

  test.for([0, -1, -3000])(
    "a lease with %i ms left is ended: fence, neard, key; the fence stays armed",
    async (leftMs) => {
      const { host: remains, deeds } = host({ armed: true, leftMs });
      await expireOn(remains, { force: false });
      expect(deeds).toEqual(["shut", "erase", "kill"]);
    },
  );

  test.for([3000, -3000])(
    "a key without a fence is ended at once, with %i ms left: no kernel ends it",
    async (leftMs) => {
      const { host: remains, deeds } = host({ armed: false, leftMs, hasKey: true });
      expect(await expireOn(remains, { force: false })).toContain("a key without a fence");
      expect(deeds).toEqual(["shut", "erase", "kill"]);
    },
  );

  test("a fence that cannot be shut holds nobody back: neard dies all the same, and it is no success", async () => {
    const { host: remains, deeds } = host({ armed: true, leftMs: -1, failing: "shut" });
    await expect(expireOn(remains, { force: false })).rejects.toThrow("neard killed, key erased, but shut failed");
    expect(deeds).toEqual(["erase", "kill"]);
  });

  test.for([
    ["a lease", 3000, false],
    ["a key", null, true],
  ] as const)("whether the fence stands cannot be told, and there is %s: it is ended", async ([, leftMs, hasKey]) => {
    const { host: remains, deeds } = host({ armed: null, leftMs, hasKey });
    await expireOn(remains, { force: false });
    expect(deeds).toEqual(["shut", "erase", "kill"]);
  });

  test("nor can it on a host without any sign of a lease: that is left alone", async () => {
    const { host: remains, deeds } = host({ armed: null, leftMs: null });
    expect(await expireOn(remains, { force: false })).toBe("no lease was held");
    expect(deeds).toEqual([]);
  });

  test("a lease that cannot be read is over", async () => {
    const { host: remains, deeds } = host({ armed: true, leftMs: null });
    await expireOn(remains, { force: false });
    expect(deeds).toEqual(["shut", "erase", "kill"]);
  });

  test("a host that never had a lease is left alone", async () => {
    const { host: remains, deeds } = host({ armed: false, leftMs: 0 });
    expect(await expireOn(remains, { force: false })).toBe("no lease was held");
    expect(deeds).toEqual([]);
  });
});

describe("by force", () => {
  test("whatever is left of the lease, it ends, and no socket of it is left when the fence opens", async () => {
    const { host: remains, deeds } = host({ armed: true, leftMs: 5000 });
    await expireOn(remains, { force: true });
    expect(deeds).toEqual(["shut", "erase", "kill", "disarm", "orphans"]);
  });

  test.for([5000, -1, null])(
    "where the host has no role neard any more, with %o ms left: it ends, and the fence stays shut",
    async (leftMs) => {
      const { host: remains, deeds } = host({ armed: true, leftMs });
      expect(await expireOn(remains, { force: true, keepFence: true })).toContain("stays shut");
      expect(deeds).toEqual(["shut", "erase", "kill", "forget"]);
    },
  );

  test("and what could not be ended is not forgotten: the next start tries again", async () => {
    const { host: remains, deeds } = host({ armed: true, leftMs: 5000, failing: "kill" });
    await expect(expireOn(remains, { force: true, keepFence: true })).rejects.toThrow("kill failed");
    expect(deeds).toEqual(["shut", "erase"]);
  });

  test("a neard that does not die keeps the fence", async () => {
    const { host: remains, deeds } = host({ armed: true, leftMs: 5000, failing: "kill" });
    await expect(expireOn(remains, { force: true })).rejects.toThrow("kill failed");
    expect(deeds).toEqual(["shut", "erase"]);
  });

  test("a fence that cannot be shut is not removed either", async () => {
    const { host: remains, deeds } = host({ armed: true, leftMs: 5000, failing: "shut" });
    await expect(expireOn(remains, { force: true })).rejects.toThrow("shut failed");
    expect(deeds).toEqual(["erase", "kill"]);
  });

  test("a key that cannot be erased keeps it too, for a neard that came since may have it; the kill does not wait", async () => {
    const { host: remains, deeds } = host({ armed: true, leftMs: 5000, failing: "erase" });
    await expect(expireOn(remains, { force: true })).rejects.toThrow("erase failed");
    expect(deeds).toEqual(["shut", "kill"]);
  });
});
