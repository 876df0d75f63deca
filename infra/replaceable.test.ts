import { expect, test } from "vitest";
import { replaceableHosts } from "./replaceable.ts";
import { sampleCloudInput, sampleHost, sampleTopology } from "./testing/sample.ts";

const topology = sampleTopology({
  ...sampleCloudInput(),
  hosts: [...sampleCloudInput().hosts, sampleHost("host-x", 14, ["consul"])],
});
const of = (value: string | undefined) => [...replaceableHosts(topology, { HOLDFAST_REPLACE: value })];

test("usually none", () => {
  for (const value of [undefined, "", " "]) expect(of(value)).toEqual([]);
});
test("the one that is named", () => expect(of(" host-b ")).toEqual(["host-b"]));
test("several, of which the state must have lost every one", () => {
  expect(of("host-a,host-b")).toEqual(["host-a", "host-b"]);
  expect(of("host-a, host-b")).toEqual(["host-a", "host-b"]);
});
test.each(["host-x", "host-z", "host-a,host-z", "host-a;host-b", ",", "*"])("never %j", (value) =>
  expect(() => of(value)).toThrow(/HOLDFAST_REPLACE is .*which is no host that this stack makes at a cloud/),
);
