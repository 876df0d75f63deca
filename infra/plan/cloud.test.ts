import { describe, expect, test } from "vitest";
import { sampleCloudHost, sampleCloudInput, sampleHcloud, sampleHost, sampleTopology } from "../testing/sample.ts";
import { type CloudPlan, cloudNames, planCloud } from "./cloud.ts";

const plan = (more: object = {}) => planCloud(sampleTopology({ ...sampleCloudInput(), ...more })) as CloudPlan;

test("nothing is at a cloud without the section", () => expect(planCloud(sampleTopology())).toBeNull());

test("names at Hetzner are fixed, and one setting tells two stacks apart", () => {
  const { cloud, hosts } = plan({ hcloud: sampleHcloud({ name: "night" }) });
  expect(cloudNames(cloud)).toMatchObject({
    network: "night",
    sshKey: "night",
    firewall: "night",
    neardFirewall: "night-neard",
  });
  expect(cloudNames(cloud).placementGroup("fsn1")).toBe("night-fsn1");
  expect(hosts.map(({ host }) => host.cloud.serverName)).toEqual(["night-host-a", "night-host-b", "night-host-c"]);
});

describe("the filter at Hetzner", () => {
  test("lets in what the hosts' own lets in from outside, and Consul's ports not", () => {
    const { all, neard } = plan().firewall;
    expect(all.map(({ protocol, port, sourceIps }) => [protocol, port, ...sourceIps])).toEqual([
      ["icmp", undefined, "0.0.0.0/0", "::/0"],
      ["tcp", "22", "0.0.0.0/0", "::/0"],
    ]);
    expect(neard.map(({ protocol, port, sourceIps }) => [protocol, port, ...sourceIps])).toEqual([
      ["tcp", "24567", "0.0.0.0/0", "::/0"],
    ]);
  });
  test("takes blocks as Hetzner wants them", () => {
    const firewall = { ssh: ["198.51.100.7/24", "2001:db8::7/32", "192.0.2.1"], monitoring: ["203.0.113.7"] };
    const { all } = plan({ firewall }).firewall;
    expect(all.slice(1).map(({ port, sourceIps }) => [port, ...sourceIps])).toEqual([
      ["22", "192.0.2.1/32", "198.51.100.0/24", "2001:db8::/32"],
      ["2233", "203.0.113.7/32"],
    ]);
  });
  test("splits what is too long for one rule", () => {
    const ssh = Array.from({ length: 250 }, (_, i) => `10.0.${i}.0/24`);
    const rules = plan({ firewall: { ssh } }).firewall.all.filter(({ port }) => port === "22");
    expect(rules.map(({ sourceIps }) => sourceIps.length)).toEqual([100, 100, 50]);
  });
});

test("a placement group for each location, and for a host that exists none", () => {
  const hosts = [...sampleCloudInput().hosts, sampleCloudHost("host-d"), sampleHost("host-x", 14, ["consul"])];
  const { spread, hosts: planned } = plan({ hosts });
  expect(spread.map(({ location }) => location)).toEqual(["fsn1", "hel1", "nbg1"]);
  expect(planned.map(({ host, spreadIn }) => `${host.name} ${spreadIn}`)).toEqual([
    "host-a fsn1",
    "host-b nbg1",
    "host-c hel1",
    "host-d fsn1",
  ]);
  expect(plan({ hosts, hcloud: sampleHcloud({ spread: false }) }).spread).toEqual([]);
});

test("a group is protected as long as one of its hosts is", () => {
  const at = (protect: boolean) => ({ location: "fsn1", protect });
  const hosts = (...all: boolean[]) => [
    ...sampleCloudInput().hosts.slice(1),
    ...all.map((protect, i) => sampleCloudHost(`host-${i}`, { cloud: at(protect) })),
  ];
  const fsn1 = (...all: boolean[]) =>
    plan({ hosts: hosts(...all) }).spread.find(({ location }) => location === "fsn1")?.protect;
  expect(fsn1(false, true)).toBe(true);
  expect(fsn1(false, false)).toBe(false);
});

test("labels of the operator's and ours on everything", () => {
  const { labels, hosts } = plan({ hcloud: sampleHcloud({ labels: { team: "night" } }) });
  expect(labels).toEqual({ team: "night", "holdfast-cluster": "holdfast-localnet" });
  expect(hosts[0]?.labels).toEqual({ ...labels, "holdfast-host": "host-a" });
});
