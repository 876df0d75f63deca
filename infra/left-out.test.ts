import { expect, test } from "vitest";
import { leftOutHosts } from "./left-out.ts";
import { sampleInput, sampleTopology } from "./testing/sample.ts";

const topology = sampleTopology();
const of = (value: string | undefined, at = topology) => [...leftOutHosts(at, { HOLDFAST_WITHOUT: value })];

test("usually none", () => {
  for (const value of [undefined, "", " ,"]) expect(of(value)).toEqual([]);
});
test("one, or several", () => {
  expect(of("host-b")).toEqual(["host-b"]);
  expect(of("host-b, host-c")).toEqual(["host-b", "host-c"]);
});
test("never a stranger, nor all Consul servers, nor while hosts are adopted", () => {
  expect(() => of("host-b,host-x")).toThrow(/HOLDFAST_WITHOUT is "host-x", which is no host of this stack/);
  expect(() => of("host-a host-b host-c")).toThrow(/HOLDFAST_WITHOUT leaves no Consul server/);
  const adopting = sampleTopology({ hosts: sampleInput().hosts, adopt: "hf-0123456789abcdef" });
  expect(() => of("host-b", adopting)).toThrow(/while the stack adopts its hosts/);
});
