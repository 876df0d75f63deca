/**
 * Several hosts against one Consul in memory, on a clock that the test turns. A host that is killed stops
 * at its next wait and never comes back, as after a kill -9.
 */
import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../contract/errors.ts";
import type { AgentRole } from "../../contract/wire/agent-status.ts";
import { type AgentLook, defaultBounds } from "./decide.ts";
import { MemoryCluster } from "./memory-store.ts";
import { type MaintenanceAgent, type MaintenanceContext, withMaintenanceLock } from "./with-lock.ts";

/** Wakes sleepers in the order of time, and lets everything settle in between. */
class TestClock {
  nowMs = 0;
  readonly #sleepers: { atMs: number; wake: () => void }[] = [];

  sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#sleepers.push({ atMs: this.nowMs + ms, wake: resolve });
    return promise;
  }

  async run(untilMs: number): Promise<void> {
    for (;;) {
      for (let i = 0; i < 40; i++) await Promise.resolve();
      this.#sleepers.sort((a, b) => a.atMs - b.atMs);
      const next = this.#sleepers[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#sleepers.shift();
      this.nowMs = next.atMs;
      next.wake();
    }
    this.nowMs = untilMs;
  }
}

class Lab {
  readonly clock = new TestClock();
  readonly cluster = new MemoryCluster(() => this.clock.nowMs);
  /** `host begins` and `host ends`, in order. */
  readonly events: string[] = [];
  readonly roles = new Map<string, AgentRole>();
  /** Instead of a role. */
  readonly looks = new Map<string, AgentLook>();
  readonly killed = new Set<string>();
  /** How many hosts were at work at one time, at most. */
  most = 0;
  #atWork = 0;
  ownConsulUp = true;
  switchoverFails = false;
  /** Only agents are restarted. */
  keepsKey = false;
  readonly lines: string[] = [];
  /** How whoever asked for a host's apply has left. */
  readonly left = new Map<string, string>();
  bounds = defaultBounds;

  async #sleep(host: string, ms: number): Promise<void> {
    await this.clock.sleep(ms);
    if (this.killed.has(host)) await new Promise(() => undefined);
  }

  #agent(host: string): MaintenanceAgent {
    return {
      look: async () => this.looks.get(host) ?? { role: this.roles.get(host) ?? "standby", active: null },
      switchover: async () => {
        if (this.switchoverFails) throw new HoldfastError("HF_REFUSED", "no standby is ready");
        this.roles.set(host, "handing");
        void this.clock.sleep(1000).then(() => this.roles.set(host, "standby"));
        return "id";
      },
      switchoverProgress: async (id) => ({
        id,
        state: this.roles.get(host) === "standby" ? "done" : "running",
        from: host,
        to: "host-z",
        because: "",
      }),
    };
  }

  context(host: string, disturbsConsul = false): MaintenanceContext {
    return {
      host,
      store: this.cluster.store(host),
      agent: this.#agent(host),
      ownConsulUp: async () => this.ownConsulUp,
      disturbsConsul,
      keepsKey: this.keepsKey,
      bounds: this.bounds,
      left: () => this.left.get(host) ?? null,
      nowMs: () => this.clock.nowMs,
      sleep: (ms) => this.#sleep(host, ms),
      say: (line) => this.lines.push(`${host}: ${line}`),
      progress: () => undefined,
    };
  }

  /** Applies on a host: begins, works for `workMs`, ends. Resolves to "ok" or the error's message. */
  apply(host: string, options: { workMs?: number; fails?: boolean; disturbsConsul?: boolean } = {}): Promise<string> {
    const work = async () => {
      this.events.push(`${host} begins as ${this.roles.get(host) ?? "standby"}`);
      this.most = Math.max(this.most, ++this.#atWork);
      await this.clock.sleep(options.workMs ?? 10_000);
      this.#atWork--;
      if (this.killed.has(host)) await new Promise(() => undefined);
      if (options.fails === true) throw new Error("neard did not come up\nsecond line");
      this.events.push(`${host} ends`);
      return "ok";
    };
    return withMaintenanceLock(this.context(host, options.disturbsConsul), work).catch((error: Error) => error.message);
  }
}

test("three hosts at once: one at a time, the active one last, after a switchover", async () => {
  const lab = new Lab();
  lab.roles.set("host-a", "active");
  const all = Promise.all([lab.apply("host-a"), lab.apply("host-b"), lab.apply("host-c")]);
  await lab.clock.run(120_000);
  expect(await all).toEqual(["ok", "ok", "ok"]);
  expect(lab.most).toBe(1);
  expect(lab.events.at(-2)).toBe("host-a begins as standby");
  expect(lab.lines).toContain("host-a: this host is active: asking its agent for a switchover");
});

test("a host that leaves Consul takes the lock with it, and whoever waits goes on", async () => {
  const lab = new Lab();
  const leaving = withMaintenanceLock(lab.context("host-b", true), async (alone) => {
    lab.events.push(`host-b leaves, ${alone.isLocked ? "locked" : "not locked"}`);
    await alone.untilSpared();
    await alone.beforeLeaving();
    // Its node is deregistered, and with it goes what was locked in its name.
    const { lock } = await lab.cluster.store().view();
    await lab.cluster.store().destroySession(lock?.session ?? "");
    await lab.clock.sleep(5000);
  });
  await lab.clock.run(1000);
  const waiting = lab.apply("host-c");
  await lab.clock.run(60_000);
  await leaving;
  expect(await waiting).toBe("ok");
  expect(lab.events).toEqual(["host-b leaves, locked", "host-c begins as standby", "host-c ends"]);
  expect(lab.lines).toEqual([]);
});

describe("where only agents are restarted", () => {
  test("it is one host at a time, the active one last, and none gives the key away", async () => {
    const lab = new Lab();
    lab.keepsKey = true;
    lab.roles.set("host-a", "active");
    lab.switchoverFails = true;
    const all = Promise.all([lab.apply("host-a"), lab.apply("host-b"), lab.apply("host-c")]);
    await lab.clock.run(120_000);
    expect(await all).toEqual(["ok", "ok", "ok"]);
    expect(lab.most).toBe(1);
    expect(lab.events.at(-2)).toBe("host-a begins as active");
    expect(lab.lines).toEqual([]);
  });

  test("one that does not come up stops the others", async () => {
    const lab = new Lab();
    lab.keepsKey = true;
    lab.roles.set("host-a", "active");
    const all = Promise.all([lab.apply("host-a"), lab.apply("host-b", { fails: true })]);
    await lab.clock.run(120_000);
    expect(await all).toEqual([expect.stringContaining("host-b failed"), expect.stringContaining("did not come up")]);
  });

  test("an agent that gives no answer is no obstacle: it may be the one that is to be replaced", async () => {
    const lab = new Lab();
    lab.keepsKey = true;
    lab.looks.set("host-a", { unknown: "none within 3000 ms" });
    const applied = lab.apply("host-a");
    await lab.clock.run(60_000);
    expect(await applied).toBe("ok");
  });

  test("without a quorum nobody has a lease to lose: it is done without the lock, and said", async () => {
    const lab = new Lab();
    lab.keepsKey = true;
    lab.cluster.quorum = false;
    const applied = lab.apply("host-b");
    await lab.clock.run(90_000);
    expect(await applied).toBe("ok");
    expect(lab.lines).toContain(
      "host-b: Consul has no quorum for 30 s, and nobody has a lease that the agent's restart could cost",
    );
  });
});

test("work longer than the session's TTL keeps the lock", async () => {
  const lab = new Lab();
  const first = lab.apply("host-b", { workMs: 90_000 });
  await lab.clock.run(1000);
  const second = lab.apply("host-c");
  await lab.clock.run(200_000);
  expect(await Promise.all([first, second])).toEqual(["ok", "ok"]);
  expect(lab.most).toBe(1);
});

test("a failure stops those who wait; the next ones go on, and their success clears it", async () => {
  const lab = new Lab();
  const failing = lab.apply("host-b", { fails: true });
  await lab.clock.run(1000);
  const waiting = lab.apply("host-c");
  await lab.clock.run(60_000);
  expect(await failing).toBe("neard did not come up\nsecond line");
  expect(await waiting).toBe(
    "While this host was waiting, host-b failed: neard did not come up; nothing was changed here.",
  );
  expect(lab.events).toEqual(["host-b begins as standby"]);
  expect((await lab.cluster.store().view()).failure).toMatchObject({ host: "host-b", error: "neard did not come up" });
  const again = lab.apply("host-b");
  await lab.clock.run(120_000);
  expect(await again).toBe("ok");
  expect((await lab.cluster.store().view()).failure).toBeNull();
});

test("an active host that cannot hand over changes nothing, and stops nobody else", async () => {
  const lab = new Lab();
  lab.roles.set("host-a", "active");
  lab.switchoverFails = true;
  const active = lab.apply("host-a");
  await lab.clock.run(5000);
  const other = lab.apply("host-b");
  await lab.clock.run(300_000);
  expect(await active).toContain("could not hand over: no standby is ready");
  expect(await other).toBe("ok");
  expect(lab.events).toEqual(["host-b begins as standby", "host-b ends"]);
});

test("killed at work: whoever waits stops, and the same host goes on without waiting for the TTL", async () => {
  const lab = new Lab();
  void lab.apply("host-b");
  await lab.clock.run(1000);
  const waiting = lab.apply("host-c");
  await lab.clock.run(2000);
  lab.killed.add("host-b");
  await lab.clock.run(20_000);
  lab.killed.delete("host-b");
  const again = lab.apply("host-b");
  await lab.clock.run(60_000);
  expect(await waiting).toContain("the apply on host-b ended without a word");
  expect(await again).toBe("ok");
  expect(lab.lines.filter((line) => line.includes("ending the lock's session"))).toHaveLength(1);
});

test.each(Array.from({ length: 30 }, (_, i) => i * 700))(
  "killed %i ms in: never two at work, and the others get through in the end",
  async (killAtMs) => {
    const lab = new Lab();
    lab.roles.set("host-a", "active");
    void lab.apply("host-a", { workMs: 5000 });
    void lab.apply("host-b", { workMs: 5000 });
    await lab.clock.run(killAtMs);
    lab.killed.add("host-b");
    await lab.clock.run(killAtMs + 100_000);
    const later = Promise.all([lab.apply("host-a"), lab.apply("host-c")]);
    await lab.clock.run(killAtMs + 300_000);
    expect(await later).toEqual(["ok", "ok"]);
    expect(lab.most).toBe(1);
  },
);

test("no quorum, and Consul down here: the work is done without the lock, and it is said", async () => {
  const lab = new Lab();
  lab.cluster.quorum = false;
  lab.ownConsulUp = false;
  const applied = lab.apply("host-b", { disturbsConsul: true });
  await lab.clock.run(29_000);
  expect(lab.events).toEqual([]);
  await lab.clock.run(60_000);
  expect(await applied).toBe("ok");
  expect(lab.lines).toContain(
    "host-b: Consul has no quorum for 30 s and this host's own Consul is down: mending it comes first",
  );
});

test.each<[string, AgentLook]>([
  ["is active, as it says", { role: "active", active: "host-b" }],
  ["gives an answer that cannot be read", { unknown: "it answered 200 {}" }],
])("no quorum, and Consul down here, but this host's agent %s: nothing is changed", async (_, seen) => {
  const lab = new Lab();
  lab.cluster.quorum = false;
  lab.ownConsulUp = false;
  lab.switchoverFails = true;
  lab.looks.set("host-b", seen);
  const applied = lab.apply("host-b", { disturbsConsul: true });
  await lab.clock.run(200_000);
  expect(await applied).toContain("Nothing was changed here.");
  expect(lab.events).toEqual([]);
});

test("an agent whose answer cannot be read stops the apply on its host, and on no other", async () => {
  const lab = new Lab();
  lab.looks.set("host-a", { unknown: "it answered 200 <html>" });
  const [first, second] = [lab.apply("host-a"), lab.apply("host-b")];
  await lab.clock.run(300_000);
  expect(await first).toContain("gives no usable answer (it answered 200 <html>); it may be active");
  expect(await second).toBe("ok");
  expect(lab.events).toEqual(["host-b begins as standby", "host-b ends"]);
});

test("the quorum is lost while it works: the work ends well all the same", async () => {
  const lab = new Lab();
  const applied = lab.apply("host-b", { workMs: 60_000 });
  await lab.clock.run(5000);
  lab.cluster.quorum = false;
  await lab.clock.run(100_000);
  expect(await applied).toBe("ok");
});

test("Consul is not disturbed while it cannot spare a server", async () => {
  const lab = new Lab();
  lab.cluster.reserve = { spare: 0, ownCounts: true, faults: [] };
  const applied = lab.apply("host-b", { disturbsConsul: true });
  await lab.clock.run(20_000);
  expect(lab.events).toEqual([]);
  lab.cluster.reserve = { spare: 1, ownCounts: true, faults: [] };
  await lab.clock.run(60_000);
  expect(await applied).toBe("ok");
});

test("a host may take as long as neard may: the others wait for twelve hours", async () => {
  const lab = new Lab();
  const hours = 3_600_000;
  lab.bounds = { ...defaultBounds, waitMs: 13 * hours };
  const first = lab.apply("host-b", { workMs: 12 * hours });
  await lab.clock.run(1000);
  const second = lab.apply("host-c");
  await lab.clock.run(12 * hours + 60_000);
  expect(await Promise.all([first, second])).toEqual(["ok", "ok"]);
  expect(lab.most).toBe(1);
});

test("who was left while waiting ends without having changed anything, and stops nobody else", async () => {
  const lab = new Lab();
  const first = lab.apply("host-b", { workMs: 60_000 });
  await lab.clock.run(1000);
  const [left, staying] = [lab.apply("host-c"), lab.apply("host-d")];
  await lab.clock.run(5000);
  lab.left.set("host-c", "nobody reads its report any more");
  await lab.clock.run(90_000);
  expect(await left).toBe(
    "The apply on host-c ended while it waited (host-b is being changed; one host at a time), for nobody reads its report any more.",
  );
  expect(await Promise.all([first, staying])).toEqual(["ok", "ok"]);
  expect(lab.events).not.toContain("host-c begins as standby");
});

test("Consul is looked at again right before it is restarted", async () => {
  const lab = new Lab();
  const restarted: number[] = [];
  const applied = withMaintenanceLock(lab.context("host-b", true), async ({ untilSpared }) => {
    lab.cluster.reserve = { spare: 0, ownCounts: true, faults: ["host-c gives no answer itself"] };
    await untilSpared();
    restarted.push(lab.clock.nowMs);
  });
  await lab.clock.run(30_000);
  expect(restarted).toEqual([]);
  lab.cluster.reserve = { spare: 1, ownCounts: true, faults: [] };
  await lab.clock.run(40_000);
  await applied;
  expect(restarted).toHaveLength(1);
});

test("Consul's leader goes after the other servers and hands over; the active host is the last, and another one leads by then", async () => {
  const lab = new Lab();
  lab.roles.set("host-a", "active");
  lab.cluster.leader = "host-b";
  lab.cluster.heir = "host-c";
  const restarted: [string, string][] = [];
  const apply = (host: string) =>
    withMaintenanceLock(lab.context(host, true), async ({ untilSpared }) => {
      await untilSpared();
      restarted.push([host, lab.cluster.leader]);
      await lab.clock.sleep(10_000);
    });
  const all = Promise.all([apply("host-a"), apply("host-b"), apply("host-c")]);
  await lab.clock.run(120_000);
  await all;
  expect(restarted).toEqual([
    ["host-c", "host-b"],
    ["host-b", "host-c"],
    ["host-a", "host-c"],
  ]);
  expect(lab.lines).toContain("host-b: this host's server leads Consul: host-c is to lead before it is restarted");
});

test("a leader that keeps leading is restarted after a while, and that is said", async () => {
  const lab = new Lab();
  lab.cluster.leader = "host-b";
  lab.cluster.handsOver = false;
  const restarted = withMaintenanceLock(lab.context("host-b", true), async ({ untilSpared }) => {
    await untilSpared();
    return lab.clock.nowMs;
  });
  await lab.clock.run(60_000);
  expect(await restarted).toBeGreaterThanOrEqual(defaultBounds.handOverMs);
  expect(lab.lines).toContain("host-b: Consul is restarted though it still leads, and was to hand over");
});

test("and when it can never be spared, that is said with the reason", async () => {
  const lab = new Lab();
  const applied = withMaintenanceLock(lab.context("host-b", true), async ({ untilSpared }) => {
    lab.cluster.reserve = { spare: 0, ownCounts: true, faults: ["host-c gives no answer itself"] };
    await untilSpared();
  }).catch((error: Error) => error.message);
  await lab.clock.run(200_000);
  expect(await applied).toBe(
    "Consul on host-b is not restarted: Consul would lose its quorum without this host's server (host-c gives no answer itself).",
  );
});
