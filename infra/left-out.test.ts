import { describe, expect, test } from "vitest";
import type { SettingsInput } from "./config/schema.ts";
import { commandsOn, leftOutFaults, leftOutHosts, unreachableFaults } from "./left-out.ts";
import { planDeployment } from "./plan/deployment.ts";
import { cloudStateFrom } from "./preflight/cloud-state.ts";
import { wholeCloud, wholeState } from "./testing/cloud.ts";
import { sampleArtifactsByArch, sampleCloudInput, sampleInput, sampleTopology } from "./testing/sample.ts";

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

describe("a run that would have something run on a host that is left out ends before it begins", () => {
  const plan = planDeployment(topology, sampleArtifactsByArch);
  const whole = plan.hosts.flatMap((host) => [
    ...commandsOn(host),
    `${host.host.name}-leave`,
    `${host.host.name}-token`,
  ]);
  const said = (onHosts: readonly string[], leftOut = ["host-b"], of = plan) =>
    unreachableFaults(of, new Set(leftOut), new Set(onHosts)).map(({ message }) => message);
  const but = (...names: string[]) => whole.filter((name) => !names.includes(name));

  test("nothing is new", () => {
    expect(said(whole)).toEqual([]);
    expect(said([], [])).toEqual([]);
    // host-a may be given whatever is new.
    expect(said(but("host-a-neard", "host-a-runtime-neard"))).toEqual([]);
  });
  test("a role, a genesis or a command of a new release", () =>
    expect(said(but("host-b-neard", "host-b-runtime-neard"))).toEqual([
      "HOLDFAST_WITHOUT names host-b, but it would be given something for the first time: host-b-runtime-neard, host-b-neard",
    ]));
  test("all of it", () =>
    expect(said(whole.filter((name) => !name.startsWith("host-b")))).toEqual([
      "HOLDFAST_WITHOUT names host-b, to which nothing was deployed yet",
    ]));
  test("a role that is taken away", () =>
    expect(said([...whole, "host-c-neard"], ["host-c"])).toEqual([
      "HOLDFAST_WITHOUT names host-c, but its neard would be taken away",
    ]));
  test("another host leaves, whose token's keeper may be off; not one that is gone for good", () => {
    const leaving = [...whole, "host-d-leave", "host-d-token"];
    expect(said(leaving)).toEqual([
      "host-d leaves, and its token may be one that host-b, which HOLDFAST_WITHOUT names, has to take back",
    ]);
    expect(said(leaving, [])).toEqual([]);
    const gone = sampleTopology({ hosts: sampleInput().hosts, gone: ["host-d"] });
    expect(said(leaving, ["host-b"], planDeployment(gone, sampleArtifactsByArch))).toEqual([]);
  });
});
