import { expect, test } from "vitest";
import { wholeCloud } from "../testing/cloud.ts";
import { sampleCloudInput, sampleHostKey, sampleTopology } from "../testing/sample.ts";
import { cloudStateFrom, serverInState } from "./cloud-state.ts";

const { resources } = wholeCloud(sampleTopology(sampleCloudInput()));
const without = (end: string) =>
  cloudStateFrom(Object.fromEntries(Object.entries(resources).filter(([urn]) => !urn.endsWith(`::${end}`))));

test("of a new stack there is nothing", () =>
  expect(cloudStateFrom({})).toEqual({ things: [], attached: new Set(), prepared: new Set(), places: new Map() }));

test("things by their ids, hosts by their names", () => {
  const state = cloudStateFrom(resources);
  expect(state.things.map(({ kind, resource, id }) => `${kind} ${resource} ${id}`)).toContain("servers host-b 101");
  expect(state.things).toHaveLength(13);
  expect(serverInState(state, "host-c")?.id).toBe(102);
  expect(serverInState(state, "host-x")).toBeUndefined();
  for (const names of [state.attached, state.prepared]) expect(names).toEqual(new Set(["host-a", "host-b", "host-c"]));
  expect(state.places.get("host-b")).toEqual({ address: "203.0.113.2", hostKey: sampleHostKey("host-b") });
});

test("what is there only in part", () => {
  expect(without("host-b-private").attached).toEqual(new Set(["host-a", "host-c"]));
  expect(without("host-b-runtime-prepare").prepared).toEqual(new Set(["host-a", "host-c"]));
  expect([...without("host-b-host-key").places.keys()]).toEqual(["host-a", "host-c"]);
  expect([...without("host-b-address").places.keys()]).toEqual(["host-a", "host-c"]);
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
