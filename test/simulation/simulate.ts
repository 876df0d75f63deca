/**
 * One seeded run: a three-host cluster under random faults, with the invariants checked after
 * everything that happens.
 *
 *   one-signer     at most one host has the key loaded and its fence open
 *   epochs-grow    an epoch is never used by two hosts
 *   comes-back     once faults have stopped, one host is active within `recoveryMs`
 */
import { defaultTiming } from "../../contract/timing.ts";
import { Network } from "./network.ts";
import { Random } from "./random.ts";
import { SimulatedConsul } from "./simulated-consul.ts";
import { SimulatedHost } from "./simulated-host.ts";
import { Timeline } from "./timeline.ts";

export interface RunReport {
  readonly seed: number;
  readonly hours: number;
  readonly violations: readonly string[];
  readonly takeOvers: number;
  readonly faults: number;
  /** Share of the time in which somebody could sign. */
  readonly availability: number;
  readonly trace: readonly string[];
}

const recoveryMs = 90_000;
const traceLines = 60;

export function simulate(seed: number, hours: number): RunReport {
  const random = new Random(seed);
  const timeline = new Timeline();
  const consul = new SimulatedConsul();
  const network = new Network(timeline, random, consul);
  const trace: string[] = [];
  const note = (host: string, text: string) => {
    trace.push(`${(timeline.nowMs / 1000).toFixed(3)} ${host}: ${text}`);
    if (trace.length > traceLines) trace.shift();
  };
  const names = ["host-a", "host-b", "host-c"];
  const peers = names.map((host) => ({ host, priority: 100 }));
  const hosts = names.map(
    (host) =>
      new SimulatedHost(
        {
          host,
          priority: 100,
          peers,
          lease: defaultTiming,
          publicKey: "ed25519:key",
          chainId: "localnet",
          maxHeadAgeMs: 20_000,
          hungMs: 10_000,
        },
        { timeline, random, consul, network, trace: note },
      ),
  );
  const violations: string[] = [];
  const owner = new Map<number, string>();
  let takeOvers = 0;
  let faults = 0;
  let upMs = 0;
  let lastMs = 0;

  const check = () => {
    const signers = hosts.filter((host) => host.canSign);
    if (signers.length > 0) upMs += timeline.nowMs - lastMs;
    lastMs = timeline.nowMs;
    if (signers.length > 1)
      violations.push(`one-signer: ${signers.map((h) => h.name).join(" and ")} at ${timeline.nowMs.toFixed(0)} ms`);
    for (const host of hosts) {
      if (host.epoch === null) continue;
      const before = owner.get(host.epoch);
      if (before === undefined) takeOvers += 1;
      else if (before !== host.name)
        violations.push(`epochs-grow: epoch ${host.epoch} used by ${before} and ${host.name}`);
      owner.set(host.epoch, host.name);
    }
    consul.expire(timeline.nowMs);
  };

  const endMs = hours * 3_600_000;
  while (timeline.nowMs < endMs && violations.length === 0) {
    const stormMs = random.between(20_000, 120_000);
    const untilMs = timeline.nowMs + stormMs;
    while (timeline.nowMs < untilMs && violations.length === 0) {
      faults += 1;
      note("nemesis", injectFault(random, hosts, network, timeline));
      timeline.run(Math.min(untilMs, timeline.nowMs + random.between(100, 12_000)), check);
    }
    for (const host of hosts) network.heal(host.name);
    network.lossRate = 0;
    network.slowMs = 0;
    for (const host of hosts) host.makeNeardStubborn(false);
    note("nemesis", "all healed");
    timeline.run(timeline.nowMs + recoveryMs, check);
    if (violations.length === 0 && !hosts.some((host) => host.canSign))
      violations.push(
        `comes-back: nobody active ${recoveryMs} ms after the faults (${hosts.map((h) => `${h.name} ${h.phase}`).join(", ")})`,
      );
  }
  return {
    seed,
    hours: timeline.nowMs / 3_600_000,
    violations,
    takeOvers,
    faults,
    availability: upMs / timeline.nowMs,
    trace,
  };
}

/** One random fault; says what it did. */
function injectFault(random: Random, hosts: readonly SimulatedHost[], network: Network, timeline: Timeline): string {
  const host = random.pick(hosts);
  const active = hosts.find((h) => h.phase === "active") ?? host;
  const target = random.chance(0.6) ? active : host;
  const forMs = random.chance(0.5) ? random.between(100, 8000) : random.between(5000, 40_000);
  switch (Math.floor(random.between(0, 12))) {
    case 0:
      target.pauseAgent(forMs);
      return `pauses the agent of ${target.name} for ${forMs.toFixed(0)} ms`;
    case 1:
      target.crashAgent(random.between(100, 5000));
      return `kills the agent of ${target.name}`;
    case 2:
      target.crashNeard();
      return `kills neard of ${target.name}`;
    case 3:
      target.powerOff(forMs);
      return `powers ${target.name} off for ${forMs.toFixed(0)} ms`;
    case 4:
    case 5: {
      const directions = random.pick([
        { to: true, from: true },
        { to: true, from: false },
        { to: false, from: true },
      ]);
      network.cut(target.name, directions);
      timeline.after(forMs, () => network.heal(target.name));
      return `cuts ${target.name} from Consul (${directions.to ? "to" : ""} ${directions.from ? "from" : ""}) for ${forMs.toFixed(0)} ms`;
    }
    case 6:
      network.elect(random.between(500, 10_000));
      return "Consul elects a leader";
    case 7:
      network.lossRate = random.pick([0, 0.05, 0.3]);
      return `loses ${network.lossRate * 100} % of messages`;
    case 8:
      network.slowMs = random.pick([0, 200, 3000]);
      return `delays messages by up to ${network.slowMs} ms`;
    case 9:
      target.makeNeardStubborn(true);
      return `neard of ${target.name} rejects reloads`;
    case 10:
      target.stallFence(forMs);
      return `stalls nft on ${target.name} for ${forMs.toFixed(0)} ms`;
    default:
      active.ask(host.name === active.name ? "host-b" : host.name);
      return `asks for a switchover from ${active.name}`;
  }
}
