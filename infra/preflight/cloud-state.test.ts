import { expect, test } from "vitest";
import { stateWithout, wholeCloud } from "../testing/cloud.ts";
import { sampleCloudInput, sampleHostKey, sampleTopology } from "../testing/sample.ts";
import { cloudStateFrom, isReady, serverInState, wasAdopted } from "./cloud-state.ts";

const topology = sampleTopology(sampleCloudInput());
const { resources } = wholeCloud(topology);
const without = (end: string) => stateWithout(resources, end);

test("of a new stack there is nothing", () =>
  expect(cloudStateFrom({})).toEqual({
    deployment: null,
    marks: new Map(),
    things: [],
    hasSubnet: false,
    attached: new Map(),
    prepared: new Set(),
    withNeard: new Set(),
    onHosts: new Set(),
    places: new Map(),
    ready: new Map(),
    adopted: new Map(),
  }));

test("things by their ids, hosts by their names", () => {
  const state = cloudStateFrom(resources);
  expect(state.things.map(({ kind, resource, id }) => `${kind} ${resource} ${id}`)).toContain("servers host-b 101");
  expect(state.things).toHaveLength(13);
  expect(serverInState(state, "host-c")?.id).toBe(102);
  expect(serverInState(state, "host-x")).toBeUndefined();
  expect(state.hasSubnet).toBe(true);
  expect(state.prepared).toEqual(new Set(["host-a", "host-b", "host-c"]));
  expect(state.attached).toEqual(new Map(topology.hosts.map(({ name, address }) => [name, address])));
  expect(state.withNeard).toEqual(new Set(["host-a", "host-b"]));
  expect(state.places.get("host-b")).toEqual({ address: "203.0.113.2", hostKey: sampleHostKey("host-b") });
});

test("the deployment is known by its authority", () => {
  const certificate = "-----BEGIN CERTIFICATE-----\nb25l\n-----END CERTIFICATE-----\n";
  const withStash = (name: string, output: unknown) =>
    cloudStateFrom({
      ...resources,
      [`urn:pulumi:s::p::holdfast:index:ClusterSecrets$pulumi:index:Stash::${name}`]: {
        type: "pulumi:index:Stash",
        outputs: { output },
      },
    }).deployment;
  // SHA-256 of "one".
  expect(withStash("secrets-authority", { certificate, privateKey: "secret" })).toBe("hf-7692c3ad3540bb80");
  expect(withStash("secrets-cluster", { certificate })).toBeNull();
  for (const none of [undefined, null, "", {}, { certificate: "none" }])
    expect(withStash("secrets-authority", none), JSON.stringify(none)).toBeNull();
});

test("hosts' marks, as this release keeps them and as earlier ones did", () => {
  const urn = (name: string, parent = "holdfast:index:Cluster") =>
    `urn:pulumi:s::p::${parent}$pulumi:index:Stash::${name}`;
  const stash = (outputs: object) => ({ type: "pulumi:index:Stash", outputs });
  const marks = { "host-a": { converge: "new", machine: "first" } };
  // What a Stash gives out stays what it was at first.
  const kept = { [urn("marks")]: stash({ input: marks, output: {} }) };
  const old = {
    [urn("host-a-mark")]: stash({ input: "x", output: "old a" }),
    [urn("host-a-machine")]: stash({ input: "x", output: "second" }),
    [urn("host-b-mark")]: stash({ input: "x", output: "old b" }),
    // The secrets of a host that is called mark.
    [urn("secrets-mark", "holdfast:index:ClusterSecrets")]: stash({ output: "secret" }),
  };
  expect(cloudStateFrom(kept).marks).toEqual(new Map(Object.entries(marks)));
  expect(cloudStateFrom({ ...old, ...kept }).marks).toEqual(new Map(Object.entries(marks)));
  expect(cloudStateFrom(old).marks).toEqual(
    new Map([
      ["host-a", { converge: "old a", machine: "second" }],
      ["host-b", { converge: "old b", machine: "first" }],
    ]),
  );
});

test("what is there only in part", () => {
  expect([...without("host-b-private").attached.keys()]).toEqual(["host-a", "host-c"]);
  expect(without("host-b-runtime-prepare").prepared).toEqual(new Set(["host-a", "host-c"]));
  expect([...without("host-b-host-key").places.keys()]).toEqual(["host-a", "host-c"]);
  expect([...without("host-b-address").places.keys()]).toEqual(["host-a", "host-c"]);
});

test("a server that was replaced by a run that was cut off is not ready, though its host was prepared once", () => {
  const waited = (id: unknown) =>
    cloudStateFrom({
      ...resources,
      "urn:pulumi:s::p::pulumi:index:Stash::host-b-ready": { type: "pulumi:index:Stash", outputs: { output: id } },
    });
  expect([isReady(waited("101"), "host-b"), isReady(waited("99"), "host-b")]).toEqual([true, false]);
  // An entry without an id is none of an older version's: waiting once more costs nothing.
  for (const none of [undefined, null, "", "undefined", "0", {}]) {
    expect(waited(none).ready.get("host-b"), JSON.stringify(none)).toBeNull();
    expect(isReady(waited(none), "host-b"), JSON.stringify(none)).toBe(false);
  }
  // An older version kept nothing of it.
  expect(isReady(cloudStateFrom(resources), "host-b")).toBe(true);
  for (const end of ["host-b", "host-b-address", "host-b-host-key", "host-b-runtime-prepare"])
    expect(isReady(without(end), "host-b"), end).toBe(false);
});

test("a server is taken for an adopted one also where the entry has no id: forgotten, it would lose its address", () => {
  const adopted = (output?: unknown) =>
    cloudStateFrom({
      ...resources,
      "urn:pulumi:s::p::pulumi:index:Stash::host-b-adopted": { type: "pulumi:index:Stash", outputs: { output } },
    });
  const was = (output?: unknown) => wasAdopted(adopted(output), "host-b", 101);
  expect([was("101"), was("99"), was(undefined), was(null)]).toEqual([true, false, true, true]);
  expect(wasAdopted(cloudStateFrom(resources), "host-b", 101)).toBe(false);
});

test.each([undefined, null, {}, { id: "" }, { id: "0" }, { id: "a-1" }, { id: "1e99" }])(
  "a resource without an id is none: %j",
  (outputs) =>
    expect(
      cloudStateFrom({
        "urn:pulumi:s::p::hcloud:index/server:Server::a": { type: "hcloud:index/server:Server", outputs },
      }).things,
    ).toEqual([]),
);

test("no private host key is kept", () =>
  expect(JSON.stringify([...cloudStateFrom(resources).places.values()])).not.toContain("secret"));
