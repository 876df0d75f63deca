/** A state that has lost its things at Hetzner is not taken for a new one. */
import { describe, expect, test } from "vitest";
import type { Server } from "../../hcloud/schemas.ts";
import { type HostAtCloud, isAtCloud } from "../config/topology.ts";
import {
  emptyProject as nothing,
  wholeCloud,
  wholeState,
  stateWithout as wholeStateWithout,
} from "../testing/cloud.ts";
import { sampleCloudInput, sampleHost, sampleTopology } from "../testing/sample.ts";
import { type CloudState, cloudStateFrom } from "./cloud-state.ts";
import { hasTrace, lostFaults } from "./lost-hosts.ts";

const topology = sampleTopology(sampleCloudInput());
const { facts, resources } = wholeCloud(topology);
const state = wholeState(topology);
const newState = cloudStateFrom({});
const messages = (found: readonly { readonly message: string }[]) => found.map(({ message }) => message);
const stateWithout = (...names: string[]) => wholeStateWithout(resources, ...names);
const lost = (of: CloudState, replaceable: readonly string[] = []) =>
  messages(lostFaults(topology, of, new Set(replaceable)));
const withoutAll = cloudStateFrom(
  Object.fromEntries(Object.entries(resources).filter(([, { type }]) => !type.startsWith("hcloud:"))),
);
const withoutB = stateWithout("host-b", "host-b-address", "host-b-private");
test("of a new one, and of a whole one, there is nothing to say", () => {
  expect(lost(newState)).toEqual([]);
  expect(lost(state)).toEqual([]);
});
test("all of it: the hosts to which it has deployed are named", () =>
  expect(lost(withoutAll)).toEqual([
    "The stack has deployed to host-a, host-b, host-c, but its state has no server and no public address of them at Hetzner: made anew, they could be there twice",
  ]));
test("one host of it, until the operator says that it may go", () => {
  expect(lost(withoutB)).toEqual([expect.stringContaining("has deployed to host-b, but its state has no server")]);
  expect(lost(withoutB, ["host-b"])).toEqual([]);
});
describe("what may be made anew of what was deleted for good", () => {
  const next = (of: CloudState, replaceable: readonly string[] = []) =>
    lostFaults(topology, of, new Set(replaceable)).map((fault) => fault.next);
  const withoutTwo = stateWithout("host-b", "host-b-address", "host-b-private", "host-c", "host-c-address");
  test("one host: by its name", () =>
    expect(next(withoutB)).toEqual([expect.stringMatching(/deleted for good: HOLDFAST_REPLACE=host-b pulumi up\.$/)]));
  test("two of three: by both names, once the one that is left is a majority", () => {
    expect(next(withoutTwo)).toEqual([
      expect.stringMatching(
        /HOLDFAST_REPLACE=host-b,host-c pulumi up; but 1 of 3 Consul servers are no majority, .*replace-a-host\.md, "Most Consul servers are gone for good"/,
      ),
    ]);
    expect(lost(withoutTwo, ["host-b"])).toEqual([expect.stringContaining("has deployed to host-c, but")]);
    expect(lost(withoutTwo, ["host-b", "host-c"])).toEqual([]);
  });
  test("all: by no name, for it would be a second cluster", () => {
    expect(next(withoutAll)).toEqual([expect.stringMatching(/deleted for good: begin a new stack\.$/)]);
    expect(lost(withoutAll, ["host-a", "host-b", "host-c"])).toHaveLength(1);
  });
  test("nor where the only one that is left was never deployed to", () => {
    const more = [...sampleCloudInput().hosts, sampleHost("host-d", 14, ["consul"])];
    const at = sampleTopology(sampleCloudInput({ hosts: more }));
    const all = new Set(["host-a", "host-b", "host-c"]);
    expect(lostFaults(at, withoutAll, all)).toHaveLength(1);
    expect(lostFaults(at, { ...withoutAll, prepared: new Set([...all, "host-d"]) }, all)).toEqual([]);
  });
});
test("a trace of a host at Hetzner is its name, its labels, or its place in the private network", () => {
  const host = topology.hosts.filter(isAtCloud).find(({ name }) => name === "host-b") as HostAtCloud;
  const other = { ...(facts.servers[0] as Server), id: 900, name: "web", private_net: [], labels: {} };
  const trace = (more: Partial<Server>) => hasTrace(topology, host, { ...nothing, servers: [{ ...other, ...more }] });
  const cluster = { "holdfast-cluster": "holdfast-localnet" };
  expect(trace({})).toBe(false);
  expect(trace({ name: "holdfast-localnet-host-b" })).toBe(true);
  expect(trace({ labels: { ...cluster, "holdfast-host": "host-b" } })).toBe(true);
  expect(trace({ labels: { ...cluster, "holdfast-host": "host-a" } })).toBe(false);
  expect(trace({ private_net: [{ network: 1, ip: host.address, mac_address: "" }] })).toBe(true);
});
test("a run that was cut off before it had deployed has lost nothing", () =>
  expect(lost(stateWithout("host-b", "host-b-address", "host-b-private", "host-b-runtime-prepare"))).toEqual([]));
test("a server that was deleted by hand and refreshed away is made anew at its address", () =>
  expect(lost(stateWithout("host-b", "host-b-private"))).toEqual([]));
