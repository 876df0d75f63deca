import { describe, expect, test } from "vitest";
import { type AgentStatus, agentStatusSchema } from "../../contract/wire/agent-status.ts";
import { createPaint } from "../terminal/paint.ts";
import {
  activeStatus,
  arbiterStatus,
  sealedKey,
  standbyStatus,
  testHost,
  testOutputs,
  wellHeard,
} from "../testing/cluster.ts";
import { claimants, clusterView, statusExitCode } from "./cluster-view.ts";
import { formatStatus } from "./format-status.ts";
import type { HostAnswer } from "./views.ts";

const cluster = testOutputs();
const says = (...statuses: AgentStatus[]): HostAnswer[] => statuses.map((status) => ({ host: status.host, status }));
const silent = (
  host: string,
  code: "HF_HOST_UNREACHABLE" | "HF_AGENT_UNREACHABLE" = "HF_HOST_UNREACHABLE",
): HostAnswer => ({
  host,
  error: { code, message: `${host} is silent.` },
});
const well = [activeStatus("host-a"), standbyStatus("host-b"), arbiterStatus("host-c")] as const;

const sound = { doubted: false, acksInMs: 0, doubtFault: null };

describe("a cluster that is well", () => {
  const view = clusterView(cluster, says(...well));

  test("says who is active, since when, and how long the lease lasts", () => {
    expect(view).toMatchObject({
      network: "localnet",
      account: "validator.test",
      active: "host-a",
      epoch: 4,
      since: "2026-01-31T09:00:00.000Z",
      lease: 5400,
      paused: false,
      switchover: null,
      alarm: null,
      problems: [],
    });
    expect(statusExitCode(view)).toBe(0);
  });

  test("shows every host of the stack in its order, with what monitoring asks for", () => {
    expect(view.hosts.map((host) => host.name)).toEqual(["host-a", "host-b", "host-c"]);
    expect(view.hosts[1]).toMatchObject({
      roles: ["neard", "consul"],
      reachable: true,
      agent: { role: "standby", because: "host-a renews its lease", ready: true },
      neard: { running: true, synced: true, height: 1234, version: "2.6.3" },
      key: { loaded: false },
      consul: { leader: "host-c", voter: true, healthy: true },
    });
    expect(view.hosts[2]).toMatchObject({ neard: null, key: null });
  });
});

describe("the alarm", () => {
  const view = clusterView(cluster, says(activeStatus("host-a"), activeStatus("host-b", { epoch: 5 }), well[2]));

  test("two hosts that say active: nobody is shown as active, exit code 5", () => {
    expect(view.active).toBeNull();
    expect(view.alarm?.message).toBe("2 hosts say that they are active: host-a (epoch 4), host-b (epoch 5).");
    expect(view.alarm?.next).toContain("holdfast ssh host-a --");
    expect(view.alarm?.next).not.toContain("host-b");
    expect(statusExitCode(view)).toBe(5);
  });

  test("no problem contradicts it", () => {
    expect(view.problems.join()).not.toContain("No host is active");
  });

  test("a host that is only taking over raises none", () => {
    const taking = clusterView(cluster, says(well[0], standbyStatus("host-b", { role: "taking" }), well[2]));
    expect(taking.alarm).toBeNull();
  });

  test("claimants are those who say active", () => {
    expect(claimants([...says(...well), silent("host-d")])).toEqual(["host-a"]);
  });
});

describe("what is amiss", () => {
  const problemsOf = (answers: HostAnswer[]) => clusterView(cluster, answers).problems;
  const withB = (b: AgentStatus) => problemsOf(says(well[0], b, well[2]));
  const withA = (a: AgentStatus) => problemsOf(says(a, well[1], well[2]));

  test("no host active", () => {
    const view = clusterView(cluster, says(standbyStatus("host-a"), well[1], well[2]));
    expect(view.problems).toEqual(["No host is active: nobody validates for validator.test."]);
    expect([view.active, view.since, view.lease, view.epoch]).toEqual([null, null, null, 4]);
    expect(statusExitCode(view)).toBe(4);
  });

  test("no host active as far as can be seen: that nobody validates is not said", () => {
    const partly = clusterView(cluster, [...says(standbyStatus("host-b"), well[2]), silent("host-a")]);
    expect(partly.problems[0]).toBe("No host that answers is active; whether host-a is cannot be seen from here.");
    const nothing = clusterView(
      cluster,
      ["host-a", "host-b", "host-c"].map((host) => silent(host)),
    );
    expect(nothing.problems[0]).toContain("whether host-a or host-b is cannot be seen");
  });

  test("no host active because somebody else is seen signing, and what to do", () => {
    const because = "refuses its first activation: the account was seen producing elsewhere 1 s ago";
    const refusing = { state: "refusing" as const, because, next: "Stop the other validator." };
    const watching = { state: "watching" as const, because: "first activation: watches", next: null };
    const b = standbyStatus("host-b", { guard: refusing });
    expect(problemsOf(says(standbyStatus("host-a", { guard: watching }), b, well[2]))).toEqual([
      `No host is active: ${because}. Stop the other validator.`,
    ]);
    expect(problemsOf(says(standbyStatus("host-a", { guard: watching }), well[1], well[2]))).toEqual([
      "No host is active: first activation: watches.",
    ]);
  });

  test("somebody who tampers with the lock, by the host that saw it last, for an hour", () => {
    const because = "an old record of the lock was put back";
    const seen = (lastAgoMs: number, what = because) =>
      ({ ...sound, seal: "right", tampering: { count: 2, lastAgoMs, because: what } }) as const;
    const a = activeStatus("host-a", { lock: seen(9000, "the lock's key was deleted") });
    const b = standbyStatus("host-b", { lock: seen(4000) });
    const problem = `Somebody tampers with the lock in Consul, or put its data back: ${because}, seen by host-b 4.0 s ago`;
    expect(problemsOf(says(a, b, well[2]))).toEqual([
      `${problem} (host-a, host-b saw signs of it) (docs/security.md#who-tampers-with-the-lock).`,
    ]);
    expect(problemsOf(says(well[0], b, well[2]))).toEqual([`${problem} (docs/security.md#who-tampers-with-the-lock).`]);
    expect(problemsOf(says(well[0], standbyStatus("host-b", { lock: seen(3_700_000) }), well[2]))).toEqual([]);
  });

  test("a lock whose holder's agent is older than the seals", () => {
    const b = standbyStatus("host-b", { lock: { ...sound, seal: "missing", tampering: null } });
    expect(problemsOf(says(well[0], b, well[2]))[0]).toContain("no seal, as host-b sees it");
    expect(problemsOf(says(well[0], standbyStatus("host-b", { lock: null }), well[2]))).toEqual([]);
  });

  test("a standby that stands ready for no switchover, with why and for how long", () => {
    const problems = (change: object) => {
      const lock = { ...sound, seal: "right", tampering: null, ...change } as const;
      return problemsOf(says(well[0], standbyStatus("host-b", { lock }), well[2]));
    };
    const where = "(docs/security.md#who-tampers-with-the-lock)";
    expect(problems({ doubted: true, acksInMs: 41_000 })).toEqual([
      `host-b stands ready for no switchover for 41.0 s yet, and may take as long to take over: it doubts what the lock says ${where}.`,
    ]);
    expect(problems({ seal: "wrong", acksInMs: null })).toEqual([
      `host-b stands ready for no switchover while that is so, and may take as long to take over: the seal of the lock's record is wrong ${where}.`,
    ]);
    expect(problems({ doubted: true })).toEqual([]);
  });

  test("a doubt that could not be written down", () => {
    const lock = { ...sound, seal: "right", tampering: null, doubtFault: "no space left on device" } as const;
    expect(problemsOf(says(well[0], standbyStatus("host-b", { lock }), well[2]))).toEqual([
      "host-b cannot write down whether it doubts the lock, which its agent would forget in a restart: no space left on device. Make room in /run, and do not restart holdfastd there before.",
    ]);
  });

  test("a switchover that waits for its window: its host is active, and nothing is amiss", () => {
    const because = "switchover to host-b: waits for a maintenance window";
    const a = activeStatus("host-a", { because, switchover: { id: "s1", to: "host-b" } });
    const view = clusterView(cluster, says(a, well[1], well[2]));
    expect(view).toMatchObject({ active: "host-a", problems: [], switchover: { to: "host-b" } });
    expect(statusExitCode(view)).toBe(0);
  });

  test("no host active because the key is on its way", () => {
    expect(withA(standbyStatus("host-a", { role: "taking" }))).toContain(
      "No host is active yet: host-a is taking over.",
    );
    expect(withA(standbyStatus("host-a", { role: "handing" }))).toContain(
      "No host is active now: host-a is handing the key over.",
    );
  });

  test("a host that cannot be reached is one row and one problem, and the last standby is missed", () => {
    const view = clusterView(cluster, [...says(well[0]), silent("host-b"), ...says(well[2])]);
    expect(view.active).toBe("host-a");
    expect(view.hosts[1]).toMatchObject({ reachable: false, agent: null, error: { code: "HF_HOST_UNREACHABLE" } });
    expect(view.problems).toEqual([
      "host-b is silent.",
      "No standby could take over if host-a failed (host-b: unreachable).",
    ]);
    expect(statusExitCode(view)).toBe(4);
  });

  test("a host whose agent is down is reachable", () => {
    const view = clusterView(cluster, [...says(well[0], well[1]), silent("host-c", "HF_AGENT_UNREACHABLE")]);
    expect(view.hosts[2]).toMatchObject({ reachable: true, agent: null });
    expect(view.problems).toEqual(["host-c is silent."]);
  });

  test("a host nobody asked counts as unreachable", () => {
    expect(clusterView(cluster, says(well[0], well[1])).hosts[2]).toMatchObject({ reachable: false });
  });

  test.each<[string, Partial<AgentStatus>, string]>([
    ["neard down", { neard: null }, "neard on host-b is not running."],
    ["neard behind", { neard: { ...neard(), synced: false } }, "neard on host-b is not synced."],
    ["key unreadable", { key: { ...sealedKey, available: false } }, "The validator key on host-b cannot be read."],
    ["no vote", { consul: { ...consul(), voter: false } }, "Consul on host-b has no vote."],
    ["Consul unhealthy", { consul: { ...consul(), healthy: false } }, "Consul on host-b is not healthy."],
    ["Consul silent", { consul: { ...consul(), reachable: false } }, "Consul on host-b does not answer."],
    [
      "another cluster's agent",
      { network: "testnet" },
      "The agent on host-b belongs to another cluster: testnet, validator.test, not localnet, validator.test.",
    ],
  ])("%s", (_name, overrides, problem) => {
    expect(withB(standbyStatus("host-b", overrides))).toEqual([problem]);
  });

  test("an active host without key, or with its fence shut or off", () => {
    expect(withA(activeStatus("host-a", { key: sealedKey }))).toEqual([
      "host-a is active, but its neard does not confirm the validator key.",
    ]);
    expect(withA(activeStatus("host-a", { fence: { armed: true, open: false } }))).toEqual([
      "host-a is active, but its fence is shut.",
    ]);
    expect(withA(activeStatus("host-a", { fence: { armed: false, open: true } }))).toEqual([
      "host-a is active, but its fence is not armed.",
    ]);
  });

  test("an active host that the chain does not hear, exit code 4; one of which nothing is known yet is no problem", () => {
    const because = "not heard for 44 s: 12 of 14 endorsements missed";
    const silent = activeStatus("host-a", { heard: { ...wellHeard, state: "not-heard", because } });
    expect(withA(silent)).toEqual([`host-a is active, ${because}.`]);
    const view = clusterView(cluster, says(silent, well[1], well[2]));
    expect(view.heard?.state).toBe("not-heard");
    expect(statusExitCode(view)).toBe(4);
    for (const state of ["unknown", "idle"] as const)
      expect(withA(activeStatus("host-a", { heard: { ...wellHeard, state } }))).toEqual([]);
  });

  test("a key that does not count now, or from the next NEAR epoch on, once for all hosts that say so", () => {
    const nextFault =
      "from the next NEAR epoch on the chain has ed25519:x for the account, which this host was not given";
    const key = { ...sealedKey, nextFault };
    expect(
      problemsOf(
        says(activeStatus("host-a", { key: { ...key, loaded: true } }), standbyStatus("host-b", { key }), well[2]),
      ),
    ).toEqual([`host-a, host-b cannot validate: ${nextFault} (docs/operate/rotate-validator-key.md).`]);
    expect(withB(standbyStatus("host-b", { key: { ...key, fault: "its key does not count" } }))).toEqual([
      "host-b cannot validate: its key does not count (docs/operate/rotate-validator-key.md).",
    ]);
  });

  test("an agent of an older version says nothing of either", () => {
    const { heard: _, ...older } = activeStatus("host-a");
    const { onChain: _on, fault: _fault, nextFault: _next, ...key } = older.key;
    const status = agentStatusSchema.parse(JSON.parse(JSON.stringify({ ...older, key })));
    expect(status).toMatchObject({ heard: null, key: { fault: null, nextFault: null } });
    expect(withA(status)).toEqual([]);
  });

  test("a standby that is not ready", () => {
    expect(withB(standbyStatus("host-b", { ready: false, notReadyBecause: "its head is 40 s old" }))).toEqual([
      "No standby could take over if host-a failed (host-b: its head is 40 s old).",
    ]);
  });

  test("a pause is shown but nothing is amiss", () => {
    const view = clusterView(cluster, says(activeStatus("host-a", { paused: true }), well[1], well[2]));
    expect(view.paused).toBe(true);
    expect(statusExitCode(view)).toBe(0);
  });
});

function neard() {
  const { neard } = standbyStatus("host-b");
  if (neard === null) throw new Error("a standby has a neard");
  return neard;
}

function consul() {
  return standbyStatus("host-b").consul;
}

test("what one zone's loss would take is a note, and no problem", () => {
  const hosts = [testHost("host-a"), testHost("host-b"), testHost("host-c", ["consul"])];
  const zoned = hosts.map((host, i) => ({ ...host, zone: i < 2 ? "site-1" : "site-2" }));
  const answers = [activeStatus("host-a"), standbyStatus("host-b"), arbiterStatus("host-c")].map((status) => ({
    host: status.host,
    status,
  }));
  const view = clusterView(testOutputs(zoned), answers);
  expect(view.problems).toEqual([]);
  expect(statusExitCode(view)).toBe(0);
  expect(view.warnings).toEqual([
    "all hosts with neard (host-a, host-b) are in the zone site-1: its loss leaves nobody to validate",
    "2 of 3 Consul servers (host-a, host-b) are in the zone site-1: its loss leaves no majority, and nobody validates",
  ]);
  expect(formatStatus(view, { paint: createPaint(false), columns: undefined, wallMs: 0 })).toContain(
    "note: all hosts with neard (host-a, host-b) are in the zone site-1",
  );
});
