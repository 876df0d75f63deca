import { expect, test } from "vitest";
import { ConsulUnknown } from "../../host/consul/errors.ts";
import { consulView, unreachable } from "./consul-health.ts";

const hostA = { host: "host-a", isServer: true, before: unreachable, whenUnseen: () => {} };

const fails = async () => {
  throw new Error("no answer");
};
const server = { ID: "", Version: "", Address: "", SerfStatus: "alive", Voter: true, Healthy: true, LastIndex: 1 };
const healthy = async () => ({
  Healthy: true,
  Servers: [
    { ...server, Name: "host-a", Leader: true },
    { ...server, Name: "host-b", Leader: false },
  ],
});

test("a Consul that answers nothing is unreachable", async () => {
  expect(await consulView({ leader: fails, health: fails }, hostA)).toEqual(unreachable);
});

test("one that only cannot say how the servers are does answer", async () => {
  const view = await consulView({ leader: async () => "10.0.0.1:8300", health: fails }, hostA);
  expect(view).toEqual({ reachable: true, leader: "10.0.0.1:8300", isLeader: false, voter: true, healthy: true });
});

test("the leader by its name, and this host's own server", async () => {
  const view = await consulView({ leader: async () => "10.0.0.1:8300", health: healthy }, { ...hostA, host: "host-b" });
  expect(view).toEqual({ reachable: true, leader: "host-a", isLeader: false, voter: true, healthy: true });
});

test("a server that answers and knows no leader is still a server, and not well", async () => {
  const view = await consulView({ leader: async () => null, health: fails }, hostA);
  expect(view).toEqual({ reachable: true, leader: null, isLeader: false, voter: true, healthy: false });
});

test("a server that takes its leader for dead passes nothing on, and is not well; that is told", async () => {
  const error = new ConsulUnknown("https://127.0.0.1:8501: Raft leader not found in server lookup mapping");
  const health = async () => {
    throw error;
  };
  const told: unknown[] = [];
  const whenUnseen = (one: unknown) => void told.push(one);
  const view = await consulView({ leader: async () => "10.0.0.1:8300", health }, { ...hostA, whenUnseen });
  expect(told).toEqual([error]);
  expect(view).toEqual({ reachable: true, leader: "10.0.0.1:8300", isLeader: false, voter: true, healthy: false });
});

test("what was seen of the vote stays while nobody can say; a host without a server never has one", async () => {
  const seen = { ...unreachable, reachable: true };
  const ways = { leader: async () => "10.0.0.1:8300", health: fails };
  expect((await consulView(ways, { ...hostA, before: seen })).voter).toBe(false);
  expect((await consulView(ways, { ...hostA, isServer: false })).voter).toBe(false);
});
