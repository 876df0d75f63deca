import { expect, test } from "vitest";
import type { SettingsInput } from "./config/schema.ts";
import { leftOutFaults, leftOutHosts } from "./left-out.ts";
import { cloudStateFrom } from "./preflight/cloud-state.ts";
import { wholeCloud, wholeState } from "./testing/cloud.ts";
import { sampleCloudInput, sampleInput, sampleTopology } from "./testing/sample.ts";

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

test("one at a cloud has been deployed to, is not replaced in the same run, and keeps its type", () => {
  const at = sampleTopology(sampleCloudInput());
  const said = (state = wholeState(at), replaceable: string[] = [], to = at) =>
    leftOutFaults(to, state, new Set(["host-b"]), new Set(replaceable)).map(({ message }) => message);
  expect(said()).toEqual([]);
  expect(said(undefined, ["host-c"])).toEqual([]);
  expect(said(undefined, ["host-b"])).toEqual(["HOLDFAST_WITHOUT names host-b, and HOLDFAST_REPLACE too"]);
  const entries = Object.entries(wholeCloud(at).resources).filter(([urn]) => !urn.endsWith("host-b-runtime-prepare"));
  expect(said(cloudStateFrom(Object.fromEntries(entries)))).toEqual([
    "HOLDFAST_WITHOUT names host-b, but nothing was deployed to its server yet",
  ]);
  const hosts = sampleCloudInput().hosts.map((host) => ({ ...host, cloud: { ...host.cloud, serverType: "cx43" } }));
  const larger = sampleTopology(sampleCloudInput({ hosts: hosts as SettingsInput["hosts"] }));
  expect(said(undefined, [], larger)).toEqual([
    expect.stringMatching(/names host-b, whose server would become cx43, and is /),
  ]);
});
