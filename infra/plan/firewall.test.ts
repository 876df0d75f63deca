import { expect, test } from "vitest";
import { sampleCloudInput, sampleHost, sampleInput, sampleTopology } from "../testing/sample.ts";
import { firewallLines } from "./firewall.ts";

function rules(more: Parameters<typeof sampleTopology>[0], name: string): string[] {
  const topology = sampleTopology(more);
  const host = topology.hosts.find((one) => one.name === name);
  if (host === undefined) throw new Error(`no host ${name}`);
  return firewallLines(topology, host).map((line) => line.trim());
}

test("replaces its own table in one transaction and drops what it does not know", () => {
  const lines = rules({}, "host-a");
  expect(lines.slice(1, 7)).toEqual([
    "table inet holdfast_firewall",
    "delete table inet holdfast_firewall",
    "table inet holdfast_firewall {",
    "chain input {",
    "type filter hook input priority filter; policy drop;",
    "ct state established,related accept",
  ]);
});

test("Consul is for the cluster alone, neard's peers may come from anywhere, its RPC from nowhere", () => {
  const lines = rules({}, "host-a");
  const about = (port: number) => lines.filter((line) => line.includes(String(port)));
  for (const port of [8300, 8301, 8501])
    for (const line of about(port)) expect(line).toMatch(/^ip saddr 192\.0\.2\.1[123] /);
  expect(about(8301)).toHaveLength(6);
  expect(about(24567)).toEqual(["tcp dport 24567 accept"]);
  expect(about(3030)).toEqual([]);
});

test("what is left of neard's connections is told that they are gone, behind all that is let in", () => {
  expect(rules({}, "host-a").slice(-3)).toEqual(["ct state new tcp flags & syn == 0 reject with tcp reset", "}", "}"]);
  expect(rules({}, "host-c").join()).not.toContain("reject");
});

test("an arbiter lets no neard peers in, a client of Consul no server's port", () => {
  const hosts = [...sampleInput().hosts, sampleHost("host-d", 14, ["consul"]), sampleHost("host-e", 15, ["neard"])];
  expect(rules({ hosts }, "host-d").join()).not.toContain("24567");
  expect(rules({ hosts }, "host-e").join()).not.toContain("8300");
});

test("SSH: from everywhere unless it is narrowed, and on the host's own port", () => {
  expect(rules({}, "host-a")).toContain("meta nfproto ipv4 tcp dport 22 accept");
  expect(rules({}, "host-a")).toContain("meta nfproto ipv6 tcp dport 22 accept");
  const hosts = sampleInput().hosts.map((host) => ({ ...host, port: 2200 }));
  const narrow = rules({ hosts, firewall: { ssh: ["198.51.100.0/24", "2001:db8::/32"] } }, "host-a");
  expect(narrow.filter((line) => line.includes("2200"))).toEqual([
    "ip saddr 198.51.100.0/24 tcp dport 2200 accept",
    "ip6 saddr 2001:db8::/32 tcp dport 2200 accept",
  ]);
});

test("monitoring may read the agent, and nothing else", () => {
  const lines = rules({ firewall: { monitoring: ["203.0.113.7"] } }, "host-c");
  expect(lines.filter((line) => line.includes("203.0.113.7"))).toEqual(["ip saddr 203.0.113.7 tcp dport 2233 accept"]);
});

test("at a cloud the metadata service is for root alone: a server's private host key is in it", () => {
  const { hosts, hcloud } = sampleCloudInput();
  expect(rules({ hosts, hcloud }, "host-a").slice(-6)).toEqual([
    "chain output {",
    "type filter hook output priority filter; policy accept;",
    "ip daddr 169.254.169.254 meta skuid != 0 reject",
    "ip6 daddr fe80::a9fe:a9fe meta skuid != 0 reject",
    "}",
    "}",
  ]);
  expect(rules({}, "host-a").join()).not.toContain("chain output");
});
