import { describe, expect, test } from "vitest";
import type { AgentConfig } from "../../contract/wire/agent-config.ts";
import { agentStatusSchema } from "../../contract/wire/agent-status.ts";
import { activeCore, Core, settings, sightAt } from "../role/testing.ts";
import { unreachable } from "./consul-health.ts";
import { statusOf } from "./status.ts";

const config = {
  network: "localnet",
  account: "validator.localnet",
  host: "host-b",
  roles: ["neard", "consul"],
  neard: { takeoverAddresses: [] },
} as unknown as AgentConfig;

/** As it comes out at the other end. */
function told(core: Core, own: typeof settings | null = settings) {
  const around = {
    version: "0",
    nowMs: core.nowMs,
    wallMs: 1.7e12,
    startedMs: 0,
    fence: { armed: true, open: true },
    consul: unreachable,
    neardRestarts: 0,
    power: [],
  };
  return agentStatusSchema.parse(JSON.parse(JSON.stringify(statusOf(config, own, core.state, around))));
}

describe("heard", () => {
  test("is of a host that validates alone", () => {
    expect(told(new Core()).heard).toBeNull();
    expect(told(activeCore()).heard).toMatchObject({ state: "unknown", notHeardMs: 0 });
  });

  test("tells when the chain had the first of its", () => {
    const core = activeCore();
    core.tell({ is: "account-seen", sight: sightAt(core.nowMs) }).after(1500);
    const one = { produced: 1, expected: 1 };
    const duties = { ...sightAt(0).duties, endorsements: one };
    core.tell({ is: "account-seen", sight: sightAt(core.nowMs, { ...one, duties }) });
    expect(told(core).heard).toMatchObject({ firstMs: 1500, duties: { endorsements: one } });
  });
});

describe("the key", () => {
  test("is told with what the chain has for the account, and since which NEAR epoch it will not count", () => {
    const core = activeCore();
    core.tell({ is: "account-seen", sight: sightAt(core.nowMs, { nextKey: "ed25519:else" }) });
    expect(told(core).key).toEqual({
      available: true,
      loaded: true,
      onChain: { nearEpoch: 7, now: settings.publicKey, next: "ed25519:else" },
      fault: null,
      nextFault: expect.stringContaining("ed25519:else"),
      placeFault: null,
    });
  });

  test("either of the two is ours", () => {
    const own = { ...settings, nextPublicKey: "ed25519:new" };
    const core = activeCore(own).probe({ validatorKey: "ed25519:new" });
    expect(told(core, own).key.loaded).toBe(true);
    expect(told(core).key.loaded).toBe(false);
  });

  test("that cannot be unsealed is one fault, not two", () => {
    expect(told(new Core()).key).toMatchObject({ available: false, fault: null, nextFault: null });
  });
});
