import { expect, test } from "vitest";
import { consulView, unreachable } from "./consul-health.ts";

const fails = async () => {
  throw new Error("no answer");
};
const server = { Address: "", SerfStatus: "alive", Voter: true, Healthy: true, LastIndex: 1 };
const healthy = async () => ({
  Healthy: true,
  Servers: [
    { ...server, Name: "host-a", Leader: true },
    { ...server, Name: "host-b", Leader: false },
  ],
});

test("a Consul that answers nothing is unreachable", async () => {
  expect(await consulView({ leader: fails, health: fails }, "host-a")).toEqual(unreachable);
});

test("one that only cannot say how the servers are does answer", async () => {
  const view = await consulView({ leader: async () => "10.0.0.1:8300", health: fails }, "host-a");
  expect(view).toEqual({ ...unreachable, reachable: true, leader: "10.0.0.1:8300" });
});

test("the leader by its name, and this host's own server", async () => {
  const view = await consulView({ leader: async () => "10.0.0.1:8300", health: healthy }, "host-b");
  expect(view).toEqual({ reachable: true, leader: "host-a", isLeader: false, voter: true, healthy: true });
});
