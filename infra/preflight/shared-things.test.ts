import { describe, expect, test } from "vitest";
import type { SettingsInput } from "../config/schema.ts";
import { type Cloud, isAtCloud } from "../config/topology.ts";
import { wholeCloud } from "../testing/cloud.ts";
import { sampleCloudInput, sampleHostKey, sampleTopology } from "../testing/sample.ts";
import { judgeThings } from "./cloud-project.ts";
import { type CloudState, cloudStateFrom, type ProjectFacts } from "./cloud-state.ts";
import { thingsToTakeOver } from "./shared-things.ts";

/** As a stack is set that has lost its state: each host by its ids, and the deployment. */
const adopting = (adopt: string | undefined = "hf-58c1a90d2be6f374") => {
  const hosts = sampleCloudInput().hosts.map((host, i) => ({
    ...host,
    hostKey: sampleHostKey(host.name),
    cloud: { ...host.cloud, adopt: { server: 100 + i, primaryIp: 200 + i } },
  })) as SettingsInput["hosts"];
  return sampleTopology(sampleCloudInput({ hosts, ...(adopt === undefined ? {} : { adopt }) }));
};
const topology = adopting();
const cloud = topology.cloud as Cloud;
const { facts: bare, resources } = wholeCloud(topology);
const labels = { "holdfast-cluster": cloud.name };
const facts = {
  ...Object.fromEntries(
    Object.entries(bare).map(([kind, all]) => [kind, all.map((one: object) => ({ ...one, labels }))]),
  ),
  networks: bare.networks.map((network) => ({
    ...network,
    labels,
    subnets: [{ type: "cloud", ip_range: cloud.network.subnet, network_zone: "eu-central" }],
  })),
} as unknown as ProjectFacts;
const empty = cloudStateFrom({});
const taking = (state: CloudState = empty, of = facts, at = topology) =>
  Object.fromEntries(thingsToTakeOver({ adopt: at.adopt, hosts: at.hosts.filter(isAtCloud) }, cloud, state, of));
const messages = (state: CloudState = empty, of = facts, at = topology) =>
  judgeThings(at, cloud, state, of, new Set()).faults.map(({ message, next }) => `${message} | ${next}`);

describe("a stack that has lost its state and adopts its hosts", () => {
  test("takes over what they share, and finds nothing in its way", () => {
    expect(taking()).toEqual({
      network: "1",
      subnet: `1-${cloud.network.subnet}`,
      firewall: "2",
      "firewall-neard": "3",
      "ssh-key": "4",
      "spread-fsn1": "10",
      "spread-nbg1": "11",
      "spread-hel1": "12",
    });
    expect(messages()).toEqual([]);
  });
  test("goes on where a run was cut off, and has nothing to do afterwards", () => {
    const some = Object.entries(resources).filter(([urn]) => /::(network|firewall|ssh-key)$/.test(urn));
    const cut = cloudStateFrom(Object.fromEntries(some));
    expect(Object.keys(taking(cut)).toSorted()).toEqual([
      "firewall-neard",
      "spread-fsn1",
      "spread-hel1",
      "spread-nbg1",
      "subnet",
    ]);
    expect(messages(cut)).toEqual([]);
    expect(taking(cloudStateFrom(resources))).toEqual({});
  });
  test("is not misled by a host that is called as one of them", () => {
    const urn = "urn:pulumi:s::p::hcloud:index/server:Server::network";
    const called = cloudStateFrom({ [urn]: { type: "hcloud:index/server:Server", outputs: { id: "100" } } });
    expect(taking(called)).toMatchObject({ network: "1", subnet: `1-${cloud.network.subnet}` });
  });
  test("makes what is not there", () => {
    const of = { ...facts, placement_groups: [], networks: facts.networks.map((one) => ({ ...one, subnets: [] })) };
    expect(taking(empty, of)).toEqual({ network: "1", firewall: "2", "firewall-neard": "3", "ssh-key": "4" });
  });
  test("has the network's settings as they are there: of others another network would be made", () => {
    const [network] = facts.networks;
    const of = (change: object) => ({ ...facts, networks: [{ ...network, ...change }] }) as ProjectFacts;
    const subnet = (change: object) => ({ subnets: [{ ...network?.subnets[0], ...change }] });
    for (const change of [
      { ip_range: "10.0.0.0/8" },
      subnet({ ip_range: "10.233.0.0/18" }),
      subnet({ network_zone: "us-east" }),
    ])
      expect(messages(empty, of(change)), JSON.stringify(change)).toEqual([
        expect.stringMatching(
          /^holdfast:hcloud.network is 10\.233\.0\.0\/16, .* \| Set range, subnet and zone as they are there/,
        ),
      ]);
    expect(messages(empty, of({ subnets: [] }))).toEqual([]);
  });
  test("does not take what has not holdfast's label: that is somebody else's", () => {
    const of = { ...facts, networks: bare.networks };
    expect(taking(empty, of)).not.toHaveProperty("network");
    expect(taking(empty, of)).not.toHaveProperty("subnet");
    expect(messages(empty, of)).toEqual([
      expect.stringMatching(
        /^Hetzner has a network holdfast-localnet \(id 1\) already, .* \| .*has not the label holdfast-cluster: holdfast-localnet\.$/,
      ),
    ]);
  });
});

test("without holdfast:adopt nothing is taken over: two stacks may have one name", () => {
  const at = adopting(undefined);
  const without = { ...at, adopt: null };
  expect(taking(empty, facts, without)).toEqual({});
  expect(messages(empty, facts, without)).toHaveLength(1 + 2 + 3 + 1);
  for (const words of messages(empty, facts, without)) expect(words).toContain("docs/operate/lost-state.md");
});
