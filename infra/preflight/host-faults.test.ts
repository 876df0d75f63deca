import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { type Host, topologyFrom } from "../config/topology.ts";
import { sampleInput, sampleSettings, sampleTopology } from "../testing/sample.ts";
import type { HostReport } from "./host-facts.ts";
import { type HostFacts, parseFacts, scriptFor } from "./host-facts.ts";
import { hostFaults, hostWarnings } from "./host-faults.ts";

const topology = sampleTopology();
const [hostA, hostB, hostC] = topology.hosts as [Host, Host, Host];

const fit: HostFacts = {
  time: 0,
  uid: 0,
  machine: "x86_64",
  os: "Debian GNU/Linux 12 (bookworm)",
  init: "systemd",
  systemd: 252,
  nft: true,
  perl: true,
  run: "tmpfs",
  varFreeKb: 5_000_000,
  optFreeKb: 5_000_000,
  chainFreeKb: 5_000_000,
  unmounted: [],
  homeKind: "",
  homeHolds: [],
  oldUsers: [],
  oldProcesses: [],
  oldUnits: [],
  sources: [],
  routes: true,
  identity: "",
  authorities: "",
  authoritySince: 0,
  agentConfig: "",
  consulSecrets: "",
  tlsKey: "",
  certificate: "",
  nodeKey: "",
  addresses: ["192.0.2.11", "192.0.2.12", "192.0.2.13"],
  managed: false,
  bare: true,
  drifted: false,
  firewalls: "",
  listening: [22],
  client: "192.0.2.1",
  sshPort: 22,
};

const report = (host: Host, facts: Partial<HostFacts> = {}, clockOffsetMs = 0): HostReport => ({
  host,
  facts: { ...fit, ...facts },
  clockOffsetMs,
  uncertaintyMs: 50,
});
const faults = (...reports: HostReport[]) => hostFaults(topology, reports).map((fault) => fault.message);

test("sound hosts have no faults", () => expect(faults(report(hostA), report(hostB), report(hostC))).toEqual([]));

describe("each unfitness is named with its host", () => {
  test.each<[Partial<HostFacts>, string]>([
    [{ uid: 1000 }, "host-a (192.0.2.11) gives root no root rights"],
    [{ machine: "aarch64" }, "host-a (192.0.2.11) is a aarch64 machine, configured is arch x64"],
    [{ init: "init", systemd: 0 }, "host-a (192.0.2.11) does not run systemd (process 1 is init)"],
    [
      { systemd: 247, os: "Debian GNU/Linux 11 (bullseye)" },
      "host-a (192.0.2.11) has systemd 247 (Debian GNU/Linux 11 (bullseye)); holdfast needs 249",
    ],
    [{ nft: false }, "host-a (192.0.2.11) has no working nftables"],
    [{ perl: false }, "host-a (192.0.2.11) has no /usr/bin/perl, which starts the agent"],
    [
      { run: "ext2/ext3" },
      "host-a (192.0.2.11) has /run on ext2/ext3, not on tmpfs: the validator key would reach the disk",
    ],
    [{ addresses: ["10.0.0.5"] }, "host-a (192.0.2.11) has no interface with the address 192.0.2.11 (it has 10.0.0.5)"],
    [{ varFreeKb: 200 * 1024 }, "host-a (192.0.2.11) has 200 MiB free at /var/lib; it needs 1024 MiB"],
    [{ listening: [8501, 3030] }, "host-a (192.0.2.11) has something listening on ports 8501, 3030"],
  ])("%j", (facts, message) => expect(faults(report(hostA, facts))).toEqual([message]));

  test("all at once", () =>
    expect(faults(report(hostA, { nft: false, uid: 5 }), report(hostB, { run: "xfs" }))).toHaveLength(3));
});

test("another firewall is named, with what it must admit, and no fault", () => {
  const reports = [
    report(hostA, { firewalls: "ufw" }),
    report(hostB),
    report(hostC, { firewalls: "docker, firewalld" }),
  ];
  expect(hostFaults(topology, reports)).toEqual([]);
  expect(hostWarnings(topology, reports)).toEqual([
    "host-a has another firewall (ufw). What it drops stays dropped, whatever holdfast's admits: let it admit TCP 8300, 8301, 8501, 2233 and UDP 8301 from the cluster's hosts, and TCP 24567 from everywhere, or switch it off.",
    "host-c has another firewall (docker, firewalld). What it drops stays dropped, whatever holdfast's admits: let it admit TCP 8300, 8301, 8501, 2233 and UDP 8301 from the cluster's hosts, or switch it off.",
  ]);
});

test("Ubuntu 22.04 is new enough, though its systemd cannot seal credentials", () =>
  expect(faults(report(hostA, { systemd: 249, os: "Ubuntu 22.04.4 LTS" }))).toEqual([]));

test("what is ours already is no obstacle", () =>
  expect(faults(report(hostA, { managed: true, listening: [8501, 2233], varFreeKb: 10 }))).toEqual([]));

test("an arbiter may have something on neard's ports", () =>
  expect(faults(report(hostC, { listening: [3030, 24567] }))).toEqual([]));

test("a firewall that would shut this machine out is refused", () => {
  const narrow = topologyFrom(sampleSettings({ firewall: { ssh: ["198.51.100.0/24"] } }), topology.publicKey);
  const check = (client: string) => hostFaults(narrow, [report(hostA, { client })]).map((fault) => fault.message);
  expect(check("198.51.100.9")).toEqual([]);
  expect(check("192.0.2.1")).toEqual([
    "host-a (192.0.2.11) is reached from 192.0.2.1, which holdfast:firewall.ssh would shut out",
  ]);
});

describe("a firewall is asked within the family in which it will be asked", () => {
  const check = (ssh: string[], client: string) =>
    hostFaults(topologyFrom(sampleSettings({ firewall: { ssh } }), topology.publicKey), [report(hostA, { client })]);
  test("::/0 lets no IPv4 in", () =>
    expect(check(["::/0"], "192.0.2.1")).toEqual([
      expect.objectContaining({
        message: "host-a (192.0.2.11) is reached from 192.0.2.1, which holdfast:firewall.ssh would shut out",
        next: "Add this machine's IPv4 address to firewall.ssh, as this host sees it.",
      }),
    ]));
  test("nor 0.0.0.0/0 IPv6", () => expect(check(["0.0.0.0/0"], "2001:db8::1")).toHaveLength(1));
  test("a peer that came by IPv4 through an IPv6 socket came by IPv4", () =>
    expect(check(["192.0.2.0/24"], "::ffff:192.0.2.1")).toEqual([]));
  test("a neighbour by its link-local address", () => expect(check(["::/0"], "fe80::1%eth0")).toEqual([]));
  test("who is not told may come from anywhere", () => {
    expect(check(["192.0.2.0/24"], "")).toHaveLength(1);
    expect(check(["0.0.0.0/0", "::/0"], "")).toEqual([]);
  });
});

test("a port that is another one on the way than on the host must be said, or the firewall opens the wrong one", () => {
  const [first, ...others] = sampleInput().hosts;
  if (first === undefined) throw new Error("the sample has no host");
  const seen = (more: Partial<typeof first>) => {
    const forwarded = topologyFrom(sampleSettings({ hosts: [{ ...first, ...more }, ...others] }), topology.publicKey);
    return hostFaults(forwarded, [report(forwarded.hosts[0] as Host, { sshPort: 22 })]).map(({ message }) => message);
  };
  expect(seen({ port: 2201 })).toEqual([
    "host-a (192.0.2.11) answers SSH on its own port 22, but its firewall would open port 2201",
  ]);
  expect(seen({ ssh: { port: 2201 } })).toEqual([]);
});

test("an IPv6 address that the host spells otherwise is its own", () => {
  const hosts = sampleInput().hosts.map((host, i) => ({ ...host, address: `2001:DB8:0::${i + 1}` }));
  const six = topologyFrom(sampleSettings({ hosts }), topology.publicKey);
  expect(hostFaults(six, [report(six.hosts[0] as Host, { addresses: ["2001:db8:0:0::1"] })])).toEqual([]);
});

test("a public chain needs room", () => {
  const mainnet = { ...topology, network: "mainnet" as const };
  expect(hostFaults(mainnet, [report(hostA)]).map((fault) => fault.message)).toEqual([
    expect.stringContaining("free at /var/lib/neard; it needs 512000 MiB"),
  ]);
});

describe("clocks", () => {
  test("more than a second from ours", () =>
    expect(faults(report(hostA, {}, 1200), report(hostB, {}, -3000))).toEqual([
      "The clock of host-a is 1.2 s ahead of this machine's",
      "The clock of host-b is 3.0 s behind this machine's",
    ]));
  test("more than a second from each other, though near ours", () =>
    expect(faults(report(hostA, {}, 700), report(hostB, {}, -700))).toEqual([
      "The clock of host-a is 1.4 s ahead of that of host-b",
    ]));
  test("what a slow answer may explain is no fault", () => expect(faults(report(hostA, {}, 1040))).toEqual([]));
});

describe("the script that asks a host", () => {
  test("runs in a POSIX shell, and its answer is understood", () => {
    const output = execFileSync("sh", ["-s", "--", "192.0.2.9 40000 192.0.2.11 22"], {
      input: scriptFor({ peers: ["127.0.0.1"], adopt: null }),
      encoding: "utf8",
    });
    const facts = parseFacts(output);
    expect(facts).toMatchObject({ uid: process.getuid?.(), client: "192.0.2.9", sshPort: 22 });
    expect(Math.abs((facts?.time ?? 0) * 1000 - Date.now())).toBeLessThan(10_000);
    expect(facts?.varFreeKb).toBeGreaterThan(0);
  });
  test("an answer that ends half way is none", () =>
    expect(parseFacts("client=1.2.3.4\ntime=1\nuid=0\n")).toBeUndefined());
});
