/** Any sound configuration, for the properties of infra/config and infra/plan. */
import fc from "fast-check";
import { defaultTiming, type LeaseTiming, timingFaults } from "../../contract/timing.ts";
import type { SettingsInput } from "../config/schema.ts";
import { watchdogFaults } from "../plan/watchdog.ts";
import { type SampleHost, sampleHcloud, sampleHost, sampleHostKey, sampleInput } from "./sample.ts";

const roles = fc.constantFrom<SampleHost["roles"]>(["consul"], ["neard"], ["consul", "neard"], ["neard", "consul"]);

/** Three to nine hosts of any shape that the checks let through, in any order; one architecture for all neards. */
export const anyHosts: fc.Arbitrary<SampleHost[]> = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 10, max: 250 }), roles, fc.integer({ min: 0, max: 1000 })), {
    selector: ([last]) => last,
    minLength: 3,
    maxLength: 9,
  })
  .map((all) => all.map(([last, has, priority]) => sampleHost(`host-${last}`, last, has, { priority })))
  .filter((hosts) => hosts.filter((host) => host.roles.includes("consul")).length >= 3)
  .filter((hosts) => hosts.filter((host) => host.roles.includes("neard")).length >= 2);

/**
 * The same of which some, in one network zone, are made at Hetzner Cloud; those that exist are then in its network's range.
 * Names of three digits at most: no two of them get one address in the default subnet (a test would say so).
 */
const anyMixedHosts: fc.Arbitrary<Pick<SettingsInput, "hosts" | "hcloud">> = fc
  .tuple(anyHosts, fc.infiniteStream(fc.constantFrom(null, null, "fsn1", "nbg1", "hel1")), fc.boolean())
  .map(([hosts, places, spread]) => ({
    hcloud: sampleHcloud({ spread }),
    hosts: hosts.map(({ name, roles, priority = 100, address }, at) => {
      const [location] = [places.next().value];
      const isAdopted = at % 3 === 2;
      return location === null
        ? sampleHost(name, 1, roles, { priority, address: (address ?? "").replace(/^192\.0\.2/, "10.233.200") })
        : isAdopted
          ? {
              name,
              roles,
              priority,
              hostKey: sampleHostKey(name),
              cloud: { location, adopt: { server: at + 1, primaryIp: at + 1 } },
            }
          : { name, roles, priority, cloud: { location } };
    }),
  }));

/** Timings of every size that the rule accepts, most of them with nothing to spare; made so that a laxer rule shows. */
export const anySafeTiming: fc.Arbitrary<LeaseTiming> = fc
  .record({
    leaseMs: fc.integer({ min: 2000, max: 30_000 }),
    stopMs: fc.constantFrom(0, 0, 1, 500, 5000),
    spareMs: fc.constantFrom(-900, -30, 0, 0, 1, 100, 3000),
    driftMs: fc.constantFrom(-60, 0, 0, 1, 500),
    renewShare: fc.integer({ min: 4, max: 20 }),
    unbrokenSpareMs: fc.integer({ min: 1, max: 1500 }),
    lockDelaySpareMs: fc.constantFrom(0, 0, 1, 5000),
  })
  .map(({ leaseMs, stopMs, spareMs, driftMs, renewShare, unbrokenSpareMs, lockDelaySpareMs }) => {
    // W is L + S + e and something to spare, and e is 2 % of W, 150 ms and something more: or less, to be refused.
    const takeoverMs = Math.ceil((leaseMs + stopMs + 150 + driftMs) / 0.98) + 2 + spareMs;
    return {
      renewMs: Math.floor(leaseMs / renewShare),
      leaseMs,
      stopMs,
      skewMs: takeoverMs - spareMs - leaseMs - stopMs,
      takeoverMs,
      unbrokenMs: takeoverMs - unbrokenSpareMs,
      sessionTtlMs: Math.max(10_000, leaseMs + 1),
      lockDelayMs: takeoverMs + lockDelaySpareMs,
    };
  })
  .filter((timing) => timingFaults(timing).length === 0);

export const anySettings: fc.Arbitrary<SettingsInput> = fc
  .record({
    where: fc.oneof(
      anyHosts.map((hosts) => ({ hosts })),
      anyMixedHosts,
    ),
    lease: fc.oneof(
      fc.constant(defaultTiming),
      anySafeTiming.filter((timing) => watchdogFaults(timing).length === 0),
    ),
    datacenter: fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/),
    rpcPort: fc.integer({ min: 20_000, max: 24_000 }),
    networkPort: fc.integer({ min: 25_000, max: 30_000 }),
    monitoring: fc.array(fc.ipV4(), { maxLength: 2 }),
  })
  .map(({ where, lease, datacenter, rpcPort, networkPort, monitoring }) => {
    const sample = sampleInput();
    return {
      ...sample,
      ...where,
      lease,
      consul: { datacenter },
      neard: { ...sample.neard, rpcPort, networkPort },
      firewall: { monitoring },
    };
  });
