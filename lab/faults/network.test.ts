import { describe, expect, test } from "vitest";
import { type Lab, newLab } from "../hosts/description.ts";
import type { ActiveFault } from "./fault.ts";
import { networkFaults, tableScript } from "./network.ts";

const host = (name: string, last: number) =>
  ({ name, address: `10.77.3.${last}`, user: "root", port: 22, hostKey: "ssh-ed25519 A", arch: "x64" }) as const;
const lab: Lab = { ...newLab("test", 3), hosts: [host("host-a", 11), host("host-b", 12)] };

function fault(kind: string, on: string, id = `${kind}1`): ActiveFault {
  return { id: id.replaceAll("-", "_"), kind, host: on, sinceMs: 0, untilMs: null };
}

/** A packet through the rules of one hook, as nftables would judge it (loss aside: `numgen` never matches). */
function passes(script: string, hook: "forward" | "input" | "output", packet: Packet): boolean {
  const chains = new Map<string, string[]>();
  for (const [, name = "", body = ""] of script.matchAll(/chain (\S+) \{\n([^}]*(?:\{[^}\n]*\}[^}]*)*)\n {2}\}/g))
    chains.set(
      name,
      body.split("\n").map((line) => line.trim()),
    );
  for (const jump of chains.get(hook) ?? []) {
    for (const rule of chains.get(jump.replace("jump ", "")) ?? []) {
      if (!matches(rule, packet)) continue;
      if (rule.endsWith("drop")) return false;
      if (rule.endsWith("return")) break;
    }
  }
  return true;
}

interface Packet {
  readonly from: string;
  readonly to: string;
  readonly sport: number;
  readonly dport: number;
}

function matches(rule: string, { from, to, sport, dport }: Packet): boolean {
  const port = (side: string, actual: number) => {
    const listed = new RegExp(`${side} (?:\\{ ([^}]*) \\}|(\\d+))`).exec(rule);
    return listed === null || (listed[1] ?? listed[2] ?? "").split(", ").includes(String(actual));
  };
  const address = (side: string, actual: string) => {
    const listed = new RegExp(`${side} (?:\\{ ([^}]*) \\}|(\\S+))`).exec(rule);
    return listed === null || (listed[1] ?? listed[2] ?? "").split(", ").includes(actual);
  };
  return (
    !rule.includes("numgen") &&
    address("saddr", from) &&
    address("daddr", to) &&
    port("sport", sport) &&
    port("dport", dport)
  );
}

test("hosts with two addresses are cut off by both, and the chain by its one", () => {
  const script = tableScript({ ...lab, family: "ipv6" }, [fault("partition", "host-a"), fault("isolate", "host-b")]);
  expect(script).toContain("    ip daddr 10.77.3.11 drop\n    ip6 daddr fd77:0:0:3::11 drop\n");
  expect(script).toContain("    ip6 saddr fd77:0:0:3::12 tcp sport 22 return\n    ip saddr 10.77.3.12 drop\n");
  const pair = { ...fault("partition-pair", "host-a"), peer: "host-b" };
  expect(tableScript({ ...lab, family: "ipv6" }, [pair])).toContain(
    "ip6 saddr fd77:0:0:3::11 ip6 daddr fd77:0:0:3::12 drop",
  );
  expect(tableScript(lab, [pair])).not.toContain("ip6");
});

const a = "10.77.3.11";
const b = "10.77.3.12";
const c = "10.77.3.13";
const chain = "10.77.3.1";
const gossip = { sport: 40000, dport: 8301 };
const other = { sport: 40000, dport: 3030 };
const ssh = { sport: 40000, dport: 22 };
const sshBack = { sport: 22, dport: 40000 };

/** Which of these pass when only `kind` is on, on host-a. */
function seen(kind: string) {
  const script = tableScript(lab, [fault(kind, "host-a")]);
  return {
    in: passes(script, "forward", { from: b, to: a, ...other }),
    out: passes(script, "forward", { from: a, to: b, ...other }),
    consulIn: passes(script, "forward", { from: b, to: a, ...gossip }),
    consulOut: passes(script, "forward", { from: a, to: b, ...gossip }),
    toChain: passes(script, "input", { from: a, to: chain, ...other }),
    fromChain: passes(script, "output", { from: chain, to: a, ...other }),
  };
}

const all = { in: true, out: true, consulIn: true, consulOut: true, toChain: true, fromChain: true };

describe("each kind cuts what it says and nothing else", () => {
  test.each([
    ["partition", { ...all, in: false, out: false, consulIn: false, consulOut: false }],
    ["partition-in", { ...all, in: false, consulIn: false }],
    ["partition-out", { ...all, out: false, consulOut: false }],
    ["partition-consul", { ...all, consulIn: false, consulOut: false }],
    ["partition-gossip", { ...all, consulIn: false, consulOut: false }],
    ["partition-rpc", all],
    ["partition-pair", all],
    ["partition-chain", { ...all, toChain: false, fromChain: false }],
    ["isolate", { in: false, out: false, consulIn: false, consulOut: false, toChain: false, fromChain: false }],
  ])("%s", (kind, expected) => {
    expect(seen(kind)).toEqual(expected);
  });

  test.each(networkFaults.map(({ name }) => name))("%s: SSH from this machine and other hosts go through", (kind) => {
    const script = tableScript(lab, [fault(kind, "host-a")]);
    expect(passes(script, "output", { from: chain, to: a, ...ssh })).toBe(true);
    expect(passes(script, "input", { from: a, to: chain, ...sshBack })).toBe(true);
    expect(passes(script, "forward", { from: b, to: c, ...gossip })).toBe(true);
    expect(passes(script, "input", { from: b, to: chain, ...other })).toBe(true);
  });

  test("partition-pair cuts two hosts, both ways, and nobody else", () => {
    const script = tableScript(lab, [{ ...fault("partition-pair", "host-a"), peer: "host-b" }]);
    expect(passes(script, "forward", { from: a, to: b, ...other })).toBe(false);
    expect(passes(script, "forward", { from: b, to: a, ...other })).toBe(false);
    expect(passes(script, "forward", { from: a, to: c, ...other })).toBe(true);
    expect(passes(script, "forward", { from: c, to: b, ...other })).toBe(true);
  });

  test("one fault's exception for SSH does not weaken another fault", () => {
    const script = tableScript(lab, [fault("partition-chain", "host-a"), fault("isolate", "host-b")]);
    expect(passes(script, "input", { from: b, to: chain, ...other })).toBe(false);
    expect(passes(script, "input", { from: a, to: chain, ...sshBack })).toBe(true);
  });

  test("loss drops three packets of ten, in every direction", () => {
    const script = tableScript(lab, [fault("loss", "host-a")]);
    expect(script.match(/numgen random mod 100 < 30 drop/g)).toHaveLength(4);
  });
});

test("without network faults the lab's table is removed, and removing it twice is no error", () => {
  const empty = "table bridge hf_test\ndelete table bridge hf_test\n";
  expect(tableScript(lab, [])).toBe(empty);
  expect(tableScript(lab, [fault("stop-agent", "host-a"), fault("partition", "host-gone")])).toBe(empty);
});

describe("around a network of real neards, which is on the bridge like the hosts", () => {
  const neard = { file: "/neard", release: "2.13.4", sha256: "0" };
  const node = "10.77.3.251";
  const observer = "10.77.3.254";
  const peers = { sport: 40000, dport: 24567 };

  /** Which of these pass when only `kind` is on, on host-a. */
  function seenAround(kind: string) {
    const script = tableScript({ ...lab, neard }, [fault(kind, "host-a")]);
    const forward = (from: string, to: string) => passes(script, "forward", { from, to, ...peers });
    return {
      hosts: forward(a, b) || forward(b, a),
      network: forward(a, node) && forward(node, a) && forward(observer, a),
      others: forward(b, node) && forward(node, b),
    };
  }

  test.each([
    ["partition", { hosts: false, network: true, others: true }],
    ["partition-in", { hosts: true, network: true, others: true }],
    ["partition-out", { hosts: true, network: true, others: true }],
    ["partition-chain", { hosts: true, network: false, others: true }],
    ["isolate", { hosts: false, network: false, others: true }],
    ["partition-consul", { hosts: true, network: true, others: true }],
  ])("%s", (kind, expected) => expect(seenAround(kind)).toEqual(expected));
});

describe("hosts of the cloud's have a private address too", () => {
  const privateNet = (last: number) => ({ address: `10.233.0.${last}`, prefix: 17, mac: `86:00:00:00:00:${last}` });
  const cloudLab: Lab = {
    ...lab,
    hosts: lab.hosts.map((one, index) => ({ ...one, privateNet: privateNet(11 + index) })),
  };
  const [privateA, privateB] = ["10.233.0.11", "10.233.0.12"];
  const crosses = (kind: string, from: string, to: string, ports = gossip) =>
    passes(tableScript(cloudLab, [fault(kind, "host-a")]), "forward", { from, to, ...ports });

  test("a partition is of both", () => {
    for (const [from, to] of [
      [a, b],
      [privateA, privateB],
      [privateB, privateA],
    ] as const)
      expect(crosses("partition", from, to), `${from} to ${to}`).toBe(false);
    expect(crosses("partition", privateB, "10.233.0.13")).toBe(true);
  });

  test("ports are cut at both, and nothing else", () => {
    expect(crosses("partition-gossip", privateB, privateA)).toBe(false);
    expect(crosses("partition-gossip", privateB, privateA, other)).toBe(true);
  });

  test("a pair is apart at all of its addresses", () => {
    const script = tableScript(cloudLab, [{ ...fault("partition-pair", "host-a"), peer: "host-b" }]);
    for (const from of [a, privateA])
      for (const to of [b, privateB]) expect(passes(script, "forward", { from, to, ...other })).toBe(false);
  });

  test("SSH from this machine goes through in isolation", () => {
    const script = tableScript(cloudLab, [fault("isolate", "host-a")]);
    expect(passes(script, "output", { from: chain, to: a, ...ssh })).toBe(true);
    expect(passes(script, "output", { from: chain, to: privateA, ...ssh })).toBe(true);
    expect(passes(script, "output", { from: chain, to: privateA, ...other })).toBe(false);
    expect(passes(script, "input", { from: privateA, to: chain, ...sshBack })).toBe(true);
  });
});
