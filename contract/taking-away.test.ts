import { describe, expect, test } from "vitest";
import { activeStatus, arbiterStatus, standbyStatus } from "../cli/testing/cluster.ts";
import { type HostNow, obstaclesTo, orderOfTakingAway } from "./taking-away.ts";
import type { AgentStatus } from "./wire/agent-status.ts";

const now = (status: AgentStatus): HostNow => ({ name: status.host, roles: status.roles, status });
const silent = (host: HostNow): HostNow => ({ ...host, status: null });
const withStatus = (host: HostNow, more: Partial<AgentStatus>): HostNow => ({
  ...host,
  status: { ...(host.status as AgentStatus), ...more },
});
const consul = { reachable: true, leader: "host-c", isLeader: false, voter: true, healthy: true };

const a = now(activeStatus("host-a"));
const b = now(standbyStatus("host-b"));
const c = now(arbiterStatus("host-c"));
const d = now(standbyStatus("host-d"));
const e = now(arbiterStatus("host-e"));
const notReady = { ready: false, notReadyBecause: "neard is not in sync" };

const found = (hosts: readonly HostNow[], name: string) => obstaclesTo(hosts, name).map(({ is }) => is);
const words = (hosts: readonly HostNow[], name: string) => obstaclesTo(hosts, name).map(({ message }) => message);

describe("two validators and an arbiter, all well", () => {
  test("the arbiter may go", () => expect(found([a, b, c], "host-c")).toEqual([]));
  test("the standby is the last one", () =>
    expect(words([a, b, c], "host-b")).toEqual([
      "host-b is the only standby that is ready: without it no host could take over from host-a",
    ]));
  test("the active host's successor would have none himself", () =>
    expect(words([a, b, c], "host-a")).toEqual([
      "host-b would take over from host-a, and no host would stand by for host-b",
    ]));
});

describe("with a third validator that is ready", () => {
  test.each(["host-a", "host-b", "host-c", "host-d"])("%s may go", (name) =>
    expect(found([a, b, c, d], name)).toEqual([]),
  );
});

describe("one is down already", () => {
  test("a server: no other may go, and it is named", () => {
    const hosts = [a, b, silent(c)];
    expect(words(hosts, "host-b")).toEqual([
      "Consul would have no majority without host-b: 1 of 3 servers would be left, and it takes 2 (host-c gives no answer)",
      expect.stringContaining("host-b is the only standby that is ready"),
    ]);
    expect(found(hosts, "host-a")).toEqual(["quorum", "last-standby"]);
  });
  test("the dead one itself may be replaced: nothing more is lost", () => {
    expect(found([a, b, silent(c)], "host-c")).toEqual([]);
    expect(found([a, silent(b), c], "host-b")).toEqual([]);
  });
  test("the active host that died, once its successor is active", () => {
    const successor = withStatus(a, { host: "host-b", holder: "host-b" });
    const seenBy = withStatus(c, { holder: "host-b" });
    expect(found([silent(a), { ...successor, name: "host-b" }, seenBy], "host-a")).toEqual([]);
  });
  test("a host that is silent here and renews its lease lives", () => {
    const hosts = [silent(a), b, withStatus(c, { holder: "host-a" })];
    expect(words(hosts, "host-a")[0]).toBe(
      "host-a gives no answer here, but holds the lock, as host-b, host-c see it: it lives and may validate, or died less than half a minute ago",
    );
    expect(found(hosts, "host-a")).toEqual(["alive"]);
  });
  describe("a silent validator without a vote: nobody counts it in the quorum, so somebody must know that it holds nothing", () => {
    const gone: HostNow = { name: "host-d", roles: ["neard"], status: null };
    const unknowing = (host: HostNow) => withStatus(host, { consul: { ...consul, reachable: false } });
    const unproven = "host-d gives no answer, and no other host can say who holds the lock: it may live and validate";
    test("one that knows is enough", () => {
      expect(found([gone, a, b, c], "host-d")).toEqual([]);
      expect(found([gone, silent(a), silent(b), withStatus(c, { holder: null })], "host-d")).toEqual([]);
    });
    test.each<[string, readonly HostNow[]]>([
      ["nobody answers", [silent(a), silent(b), silent(c)]],
      ["whose Consul is cut off", [silent(a), unknowing(b), unknowing(c)]],
      [
        "whose Consul has no leader",
        [silent(a), withStatus(b, { consul: { ...consul, leader: null as never } }), silent(c)],
      ],
      ["who has just begun", [silent(a), withStatus(b, { role: "starting" }), withStatus(c, { epoch: null })]],
    ])("nobody knows: %s", (_, others) => expect(words([gone, ...others], "host-d")).toEqual([unproven]));
    test("its power is off: nobody need know", () =>
      expect(found([{ ...gone, isOff: true }, silent(a), silent(b), silent(c)], "host-d")).toEqual([]));
    test("an arbiter never holds anything", () =>
      expect(found([silent(a), silent(b), silent(c)], "host-c")).toEqual(["quorum"]));
  });
  test("a standby: the active host has nobody to hand over to", () => {
    expect(words([a, silent(b), c], "host-a").at(-1)).toBe(
      "host-a is active, and no standby is ready to take over from it (host-b: its agent does not answer)",
    );
    expect(found([a, withStatus(b, notReady), c], "host-a")).toEqual(["no-successor"]);
  });
  test("a standby that is not ready costs nothing", () =>
    expect(found([a, withStatus(b, notReady), c], "host-b")).toEqual([]));
  test("two of three servers: nobody can be replaced, for nobody could join", () =>
    expect(found([a, silent(b), silent(c)], "host-b")).toEqual(["quorum"]));
});

describe("of Consul's servers it counts who has a vote, and who can be counted on", () => {
  test.each<[string, Partial<typeof consul>, string]>([
    ["does not answer", { reachable: false }, "Consul on host-c does not answer"],
    ["has no leader", { leader: null as unknown as string }, "Consul on host-c knows no leader"],
    ["is unwell", { healthy: false }, "Consul on host-c is not healthy"],
  ])("one that %s", (_, more, fault) => {
    const hosts = [a, b, withStatus(c, { consul: { ...consul, ...more } })];
    expect(words(hosts, "host-b")[0]).toBe(
      `Consul would have no majority without host-b: 1 of 3 servers would be left, and it takes 2 (${fault})`,
    );
  });
  test("one that has no vote yet is neither needed nor a help: of two voters both are", () =>
    expect(words([a, b, withStatus(c, { consul: { ...consul, voter: false } })], "host-b")[0]).toBe(
      "Consul would have no majority without host-b: 1 of 2 servers would be left, and it takes 2 (Consul on host-c has no vote)",
    ));
  test("the one that has no vote may go", () =>
    expect(found([a, b, withStatus(c, { consul: { ...consul, voter: false } })], "host-c")).toEqual([]));
  test("five: a second may go, a third may not", () => {
    expect(found([a, b, c, d, silent(e)], "host-c")).toEqual([]);
    expect(found([a, b, silent(c), d, silent(e)], "host-d")).toEqual(["quorum"]);
  });
  test("four: none may go when one is down", () => expect(found([a, b, silent(c), d], "host-d")).toEqual(["quorum"]));
  test("a validator without a vote is no matter of the quorum", () => {
    const voteless = { ...d, roles: ["neard"] as const };
    expect(found([a, b, silent(c), voteless], "host-d")).toEqual([]);
  });
});

describe("nothing is taken away while the key moves, or two claim it", () => {
  test.each(["taking", "handing"] as const)("%s", (role) =>
    expect(found([withStatus(a, { role }), b, c, d], "host-c")).toEqual(["unclear"]),
  );
  test("two active hosts", () =>
    expect(
      found(
        [a, withStatus(a, { host: "host-b" }), c].map((host, i) => ({ ...host, name: `host-${"abc"[i]}` })),
        "host-c",
      ),
    ).toEqual(["unclear"]));
  test("nobody is active, and one could be", () =>
    expect(words([silent(a), withStatus(b, { holder: null }), c], "host-b").at(-1)).toBe(
      "no host that answers is active, and host-b is the only one that could be (host-a: its agent does not answer)",
    ));
});

test("the order: who validates for nobody first, the active one last", () => {
  expect(orderOfTakingAway([a, b, c])).toEqual(["host-c", "host-b", "host-a"]);
  expect(orderOfTakingAway([d, withStatus(b, notReady), a, e, c])).toEqual([
    "host-c",
    "host-e",
    "host-b",
    "host-d",
    "host-a",
  ]);
});
