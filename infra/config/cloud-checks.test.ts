import { describe, expect, test } from "vitest";
import {
  asPulumiGives,
  sampleCloudHost,
  sampleCloudInput,
  sampleHcloud,
  sampleHost,
  sampleHostKey,
  sampleSettings,
  sampleToken,
} from "../testing/sample.ts";
import { checkConfiguration } from "./check-configuration.ts";
import { crossCheck } from "./cross-checks.ts";
import type { SettingsInput } from "./schema.ts";
import { topologyFrom } from "./topology.ts";

type Hcloud = Partial<NonNullable<SettingsInput["hcloud"]>>;

const input = (hcloud: Hcloud = {}, more: Partial<SettingsInput> = {}) =>
  sampleCloudInput({ hcloud: sampleHcloud(hcloud), ...more });
/** As it comes from the stack's file: shape first, and where that is sound what depends on several settings. */
const check = (values: object, isSecret = (name: string) => ["hcloud", "ssh", "validatorKey"].includes(name)) =>
  checkConfiguration(asPulumiGives(values), isSecret);
const messages = (values: object) => check(values).faults.map(({ message }) => message);
const [a, b, c] = sampleCloudInput().hosts as [object, object, object];
const withA = (more: object) => ({ ...sampleCloudInput(), hosts: [{ ...a, ...more }, b, c] });
const topology = (values: SettingsInput) => topologyFrom(sampleSettings(values), "ed25519:x");

describe("a server that is adopted", () => {
  const adopt = { server: 4711, primaryIp: 815 };
  const adopting = (more: object = {}, cloud: object = {}) => ({
    ...more,
    cloud: { location: "fsn1", adopt, ...cloud },
  });
  test("is named by its ids, and shows the host key that it has", () => {
    const values = withA(adopting({ hostKey: `${sampleHostKey("own")} root@own` }));
    expect(check(values)).toMatchObject({ faults: [], warnings: [] });
    const [host] = topology(values as SettingsInput).hosts;
    expect(host?.cloud?.adopt).toEqual({ ...adopt, hostKey: sampleHostKey("own") });
    expect(host?.ssh.hostKey).toBe("%{own-host-key}");
  });
  test("has a host key of its own", () =>
    expect(messages(withA(adopting()))).toEqual([
      "holdfast:hosts, host-a has cloud.adopt, but no hostKey: a server that runs has its own",
    ]));
  test("is one host's", () => {
    const both = [a, b].map((host, i) => ({ ...host, ...adopting({ hostKey: sampleHostKey(`own ${i}`) }) }));
    expect(messages({ ...sampleCloudInput(), hosts: [...both, c] })).toEqual([
      "holdfast:hosts: host-a, host-b have the same cloud.adopt.server, 4711",
      "holdfast:hosts: host-a, host-b have the same cloud.adopt.primaryIp, 815",
    ]);
  });
  test.each([0, -1, 1.5, "4711"])("has a number as its id, not %j", (server) =>
    expect(messages(withA(adopting({ hostKey: sampleHostKey("own") }, { adopt: { ...adopt, server } })))[0]).toContain(
      "adopt",
    ),
  );
});

describe("three names and three locations", () => {
  test("are a configuration", () => expect(check(sampleCloudInput())).toMatchObject({ faults: [], warnings: [] }));
  test("and everything else follows", () => {
    const { hosts, cloud } = topology(sampleCloudInput());
    expect(cloud).toEqual({
      name: "holdfast-localnet",
      endpoint: null,
      network: { range: "10.233.0.0/16", subnet: "10.233.0.0/17", zone: "eu-central" },
      spread: true,
      labels: {},
      protect: true,
      sshKey: { publicKey: sampleHostKey("operator") },
    });
    expect(hosts.map(({ name, address, roles, zone, arch }) => [name, address, roles.join(), zone, arch])).toEqual([
      ["host-a", "10.233.79.234", "consul,neard", "hcloud-fsn1", "x64"],
      ["host-b", "10.233.11.39", "consul,neard", "hcloud-nbg1", "x64"],
      ["host-c", expect.stringMatching(/^10\.233\./), "consul", "hcloud-hel1", "x64"],
    ]);
    expect(hosts[0]).toMatchObject({
      cloud: {
        serverName: "holdfast-localnet-host-a",
        serverType: "cx33",
        location: "fsn1",
        image: "debian-13",
        protect: true,
        adopt: null,
      },
      ssh: { host: "%{own-public-address}", port: 22, user: "root", hostKey: "%{own-host-key}", proxy: null },
      publicAddrs: ["%{own-public-address}:24567"],
      sshdPort: 22,
    });
    expect(hosts[2]).toMatchObject({ cloud: { serverType: "cx23" }, publicAddrs: [] });
  });
  test("an address does not move when another host comes or goes, or the order changes", () => {
    const address = (hosts: SettingsInput["hosts"], name: string) =>
      topology(input({}, { hosts })).hosts.find((host) => host.name === name)?.address;
    const { hosts } = sampleCloudInput();
    const more = [sampleCloudHost("host-0"), ...hosts, sampleCloudHost("host-aa")].toReversed();
    expect(address(more, "host-a")).toBe(address(hosts, "host-a"));
  });
  test("a type with disk for a public chain, and a type of its own where one is named", () => {
    const neard = {
      version: "2.13.4",
      artifact: { sha256: "0".repeat(64) },
      bootNodes: sampleCloudInput().neard.bootNodes,
    };
    const hosts = [a, { ...b, cloud: { location: "nbg1", serverType: "cax41" } }, c] as SettingsInput["hosts"];
    const made = topology(input({}, { network: "testnet", neard, hosts })).hosts;
    expect(made.map(({ cloud, arch }) => [cloud?.serverType, arch])).toEqual([
      ["ccx63", "x64"],
      ["cax41", "arm64"],
      ["cx23", "x64"],
    ]);
    expect(made[0]?.cloud?.serverName).toBe("holdfast-testnet-host-a");
  });
  test("protection is the section's, or the host's own", () => {
    const protects = (hcloud: Hcloud, cloud: object) =>
      topology(input(hcloud, { hosts: [{ ...a, cloud }, b, c] as SettingsInput["hosts"] })).hosts.map(
        (host) => host.cloud?.protect,
      );
    expect(protects({}, { location: "fsn1", protect: false })).toEqual([false, true, true]);
    expect(protects({ protect: false }, { location: "fsn1", protect: true })).toEqual([true, false, false]);
  });
  test("a public address of the operator's own choice stays", () =>
    expect(topology(withA({ publicAddrs: ["203.0.113.7:24567"] }) as SettingsInput).hosts[0]?.publicAddrs).toEqual([
      "203.0.113.7:24567",
    ]));
});

describe("a host that exists", () => {
  const existing = sampleHost("host-x", 14, ["consul"]);
  test.each(["address", "hostKey"])("must have its %s", (name) =>
    expect(messages({ ...sampleCloudInput(), hosts: [a, b, c, { ...existing, [name]: undefined }] })).toEqual([
      `holdfast:hosts[3].${name} of host host-x is missing`,
    ]),
  );
  test("may be in the network, and outside of it must find its own way", () => {
    const warnings = (address: string) =>
      check({ ...sampleCloudInput(), hosts: [a, b, { ...existing, address }] }).warnings.join();
    expect(warnings("10.233.200.7")).not.toContain("outside");
    expect(warnings("192.0.2.14")).toContain(
      "host-x is outside of Hetzner's network 10.233.0.0/16, in which host-a, host-b are",
    );
  });
  test("alone needs no section, and a section without hosts is no fault", () => {
    expect(
      check({
        ...sampleCloudInput(),
        hcloud: undefined,
        hosts: [11, 12, 13].map((n) => sampleHost(`host-${n}`, n, ["consul", "neard"])),
      }).faults,
    ).toEqual([]);
    expect(
      check({ ...sampleCloudInput(), hosts: [11, 12, 13].map((n) => sampleHost(`host-${n}`, n, ["consul", "neard"])) })
        .faults,
    ).toEqual([]);
  });
});

test.each<[string, object, string]>([
  [
    "no section",
    { ...sampleCloudInput(), hcloud: undefined },
    "holdfast:hcloud is missing, but host-a, host-b, host-c are to be made at Hetzner Cloud",
  ],
  ["no token", input({ token: undefined as never }), "holdfast:hcloud.token is missing"],
  [
    "a token that was cut short",
    input({ token: sampleToken.slice(1) }),
    "holdfast:hcloud.token: has 63 characters, where a token of Hetzner Cloud has 64",
  ],
  [
    "a token with something else in it",
    input({ token: `${sampleToken.slice(1)}=` }),
    "holdfast:hcloud.token: has characters that are neither letters nor digits",
  ],
  [
    "a section that is none",
    { ...sampleCloudInput(), hcloud: sampleToken },
    "holdfast:hcloud: must be a section with settings of its own",
  ],
  [
    "another provider",
    withA({ cloud: { provider: "aws", location: "fsn1" } }),
    'holdfast:hosts[0].cloud.provider of host host-a: must be hcloud (it is "aws")',
  ],
  ["no location", withA({ cloud: {} }), "holdfast:hosts[0].cloud.location of host host-a is missing"],
  [
    "a type that is no name",
    withA({ cloud: { location: "fsn1", serverType: "CX 23" } }),
    "holdfast:hosts[0].cloud.serverType of host host-a: must be the name of a server type, as Hetzner has it",
  ],
  [
    "an image that is no name",
    withA({ cloud: { location: "fsn1", image: "" } }),
    "holdfast:hosts[0].cloud.image of host host-a is empty",
  ],
  [
    "a user",
    withA({ user: "admin" }),
    "holdfast:hosts, host-a: its user is admin, but a new server at Hetzner knows root alone",
  ],
  ["a port", withA({ port: 2222 }), "holdfast:hosts, host-a: its port is 2222, but a new server answers SSH on 22"],
  [
    "a host key",
    withA({ hostKey: sampleHostKey("x") }),
    "holdfast:hosts, host-a has a hostKey, but a server at a cloud gets one that holdfast makes",
  ],
  [
    "a way of its own",
    withA({ ssh: { host: "host-a.example" } }),
    "holdfast:hosts, host-a has ssh.host, but its public address is made with it",
  ],
  [
    "a port on the way",
    withA({ ssh: { port: 2222 } }),
    "holdfast:hosts, host-a has ssh.port, but its public address is made with it",
  ],
  [
    "a take-over of the address by ARP",
    withA({ takeoverAddress: { mover: "arp" } }),
    "holdfast:hosts, host-a, takeoverAddress: mover arp needs one layer 2, which Hetzner's networks are not",
  ],
  [
    "a take-over of the private address",
    withA({ takeoverAddress: { mover: "command", command: "/opt/move" } }),
    "holdfast:hosts, host-a, takeoverAddress: the private address is not the one that neard's peers know",
  ],
  [
    "an address outside of the subnet",
    withA({ address: "10.233.128.7" }),
    "holdfast:hosts: the address 10.233.128.7 of host host-a is not in the subnet 10.233.0.0/17",
  ],
  [
    "the gateway's address",
    withA({ address: "10.233.0.1" }),
    "holdfast:hosts: the address 10.233.0.1 of host host-a is the gateway of the network 10.233.0.0/16",
  ],
  [
    "another host's address",
    withA({ address: "10.233.11.39" }),
    "holdfast:hosts has the address 10.233.11.39 2 times (host-a, host-b)",
  ],
  [
    "a public network",
    input({ network: { range: "203.0.113.0/24" } }),
    "holdfast:hcloud.network.range: must be a private network: within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16",
  ],
  [
    "a subnet outside of the network",
    input({ network: { range: "10.1.0.0/16" } }),
    "holdfast:hcloud.network.subnet 10.233.0.0/17 is not within holdfast:hcloud.network.range 10.1.0.0/16",
  ],
  [
    "two network zones",
    withA({ cloud: { location: "ash" } }),
    "holdfast:hosts is in more than one network zone of Hetzner's (us-east: host-a; eu-central: host-b, host-c), and a private network is within one",
  ],
  [
    "another zone than its locations'",
    input({ network: { zone: "us-east" } }),
    "holdfast:hosts is in more than one network zone of Hetzner's (eu-central: host-a, host-b, host-c; holdfast:hcloud.network.zone is us-east), and a private network is within one",
  ],
  [
    "a location that we do not know",
    withA({ cloud: { location: "xyz1" } }),
    "holdfast:hosts: holdfast does not know the network zone of xyz1 (host-a)",
  ],
  [
    "a label that is ours",
    input({ labels: { "holdfast-host": "x" } }),
    "holdfast:hcloud.labels has holdfast-host, which is not yours to set",
  ],
  [
    "a label that is none",
    input({ labels: { team: "the night shift" } }),
    "holdfast:hcloud.labels.team: must be a label's value",
  ],
  [
    "a label's name that is none",
    input({ labels: { "a b": "c" } }),
    "holdfast:hcloud.labels.a b: must be a label's name",
  ],
  [
    "an API of somebody's",
    input({ endpoint: "ftp://api.example" }),
    "holdfast:hcloud.endpoint: must be an https:// URL without a login",
  ],
  [
    "an API with a login",
    input({ endpoint: "https://a:b@api.example/v1" }),
    "holdfast:hcloud.endpoint: must be an https:// URL without a login",
  ],
  ["two SSH keys", input({ sshKeyName: "laptop" }), "holdfast:hcloud has both sshPublicKey and sshKeyName"],
  [
    "an SSH key that was cut short",
    input({ sshPublicKey: sampleHostKey("x").slice(0, -4) }),
    "holdfast:hcloud.sshPublicKey: must be the text of a .pub file",
  ],
  [
    "no SSH key that could be told",
    input({ sshPublicKey: undefined }),
    "holdfast:hcloud.sshPublicKey is missing, and cannot be told from this form of ssh.privateKey",
  ],
  [
    "an SSH agent's key that nobody names",
    { ...input({ sshPublicKey: undefined }), ssh: { agent: true } },
    "holdfast:hcloud.sshPublicKey is missing, and cannot be told with ssh.agent",
  ],
])("%s is told once, before anything is made", (_, values, words) => {
  const { faults } = check(values);
  expect(faults.map(({ message }) => message)).toEqual([expect.stringContaining(words)]);
  expect(JSON.stringify(faults)).not.toContain(sampleToken.slice(0, 20));
});

test("a token in clear, and one API over http on a public network", () => {
  const inClear = check(sampleCloudInput(), (name) => name !== "hcloud");
  expect(inClear.faults.map(({ message }) => message)).toEqual([
    "holdfast:hcloud.token is in the stack's file in clear",
  ]);
  const endpoint = "http://api.example/v1";
  expect(messages(input({ endpoint }))).toEqual([]);
  const neard = { ...sampleCloudInput().neard, genesis: undefined, artifact: { source: "neard" } };
  const { faults } = crossCheck(
    sampleSettings(input({ endpoint }, { network: "testnet", neard: neard as never })),
    () => true,
  );
  expect(faults.map(({ message }) => message)).toEqual(["holdfast:hcloud.endpoint is not https"]);
});

describe("a placement group spreads ten", () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => sampleCloudHost(`host-${i}`));
  test("hosts of one location", () => {
    expect(messages({ ...sampleCloudInput(), hosts: many(10) })).toEqual([]);
    expect(messages({ ...sampleCloudInput(), hosts: many(11) })).toEqual([
      "holdfast:hosts has 11 hosts in fsn1; a placement group of Hetzner's spreads at most 10",
    ]);
  });
  test("and thirty hosts in three locations need three groups", () => {
    const places = ["fsn1", "nbg1", "hel1"] as const;
    const hosts = many(30).map((host, i) => ({ ...host, cloud: { location: places[i % 3] } }));
    expect(messages({ ...sampleCloudInput(), hosts })).toEqual([]);
  });
  test("where nobody asks for it there is no limit", () =>
    expect(messages({ ...input({ spread: false }), hosts: many(30) })).toEqual([]));
});
