import { describe, expect, test } from "vitest";
import { deploymentId } from "../../contract/deployment.ts";
import type { Claim, Identity } from "../../contract/wire/identity.ts";
import type { Host } from "../config/topology.ts";
import { agentConfig } from "../plan/agent.ts";
import { sampleInput, sampleTopology } from "../testing/sample.ts";
import type { HostFacts, HostReport } from "./host-facts.ts";
import { adoptionNotes, adoptionOf, identityFaults } from "./identity.ts";

const topology = sampleTopology();
const [hostA, hostB, hostC] = topology.hosts as [Host, Host, Host];

const certificate = (content: string) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(content).toString("base64")}\n-----END CERTIFICATE-----\n`;
const [ours, theirs] = [certificate("ours"), certificate("theirs")];
const idOf = (pem: string) => deploymentId(pem) ?? "";
const claim: Claim = {
  id: idOf(ours),
  stack: "organization/holdfast/ours",
  network: topology.network,
  account: topology.account,
};
const adopting: Claim = { ...claim, adopt: idOf(theirs) };
const identity = (host: Host, more: Partial<Identity> = {}): Identity => ({
  ...claim,
  id: idOf(theirs),
  stack: "organization/holdfast/theirs",
  host: host.name,
  since: "2026-01-02T03:04:05.000Z",
  adopted: [],
  before: { users: [], files: [], directories: [] },
  ...more,
});

function report(host: Host, facts: Partial<HostFacts>): HostReport {
  const none = { identity: "", authorities: "", agentConfig: "", authoritySince: 0 };
  const secrets = { consulSecrets: "", tlsKey: "", certificate: "", nodeKey: "" };
  return { host, facts: { ...none, ...secrets, ...facts } as HostFacts, clockOffsetMs: 0, uncertaintyMs: 0 };
}

/** As a host of `whose` says it; of a version that kept no identity when that is null. */
function deployed(host: Host, whose: Identity | null, more: Partial<HostFacts> = {}): HostReport {
  return report(host, {
    identity: whose === null ? "" : JSON.stringify(whose),
    authorities: theirs,
    agentConfig: JSON.stringify(agentConfig(topology, host)),
    authoritySince: Date.parse("2026-01-02T03:04:05.000Z") / 1000,
    ...more,
  });
}

const secretsOf = (host: Host): Partial<HostFacts> => ({
  consulSecrets: JSON.stringify({
    encrypt: "gossip",
    acl: {
      tokens: { agent: `token of ${host.name}`, ...(host.roles.includes("consul") ? { initial_management: "m" } : {}) },
    },
  }),
  tlsKey: `key of ${host.name}`,
  certificate: `certificate of ${host.name}`,
  nodeKey: host.roles.includes("neard") ? `node key of ${host.name}` : "",
});

const messages = (by: Claim, ...reports: HostReport[]) => identityFaults(topology, by, reports).map((f) => f.message);

test("fresh hosts and our own are no strangers, also those that keep no identity yet", () => {
  const own = identity(hostB, { id: claim.id });
  expect(
    messages(claim, report(hostA, {}), deployed(hostB, own), deployed(hostC, null, { authorities: ours })),
  ).toEqual([]);
});

test("another's host is named with both deployments, and with the ways to go on", () => {
  const [fault] = identityFaults(topology, claim, [deployed(hostA, identity(hostA))]);
  expect(fault).toEqual({
    code: "HF_HOST_FOREIGN",
    message:
      `host-a (192.0.2.11) belongs to the deployment ${idOf(theirs)} (stack organization/holdfast/theirs, ` +
      `validator.localnet on localnet, since 2026-01-02T03:04:05.000Z), not to the deployment ${claim.id} of this ` +
      "stack, organization/holdfast/ours",
    next: expect.stringContaining(`pulumi config set holdfast:adopt ${idOf(theirs)}`),
  });
});

test("another's host of a version that kept no identity is told by its authority", () =>
  expect(messages(claim, deployed(hostA, null))).toEqual([
    `host-a (192.0.2.11) belongs to the deployment ${idOf(theirs)} (made by a version that left no name; ` +
      `validator.localnet on localnet, since 2026-01-02T03:04:05.000Z), not to the deployment ${claim.id} of this ` +
      "stack, organization/holdfast/ours",
  ]));

test("two hosts whose entries were mixed up", () => {
  const own = (host: Host) => identity(host, { id: claim.id });
  expect(messages(claim, deployed(hostA, own(hostB)), deployed(hostB, own(hostA)))).toEqual([
    "host-a (192.0.2.11) is host-b of its deployment",
    "host-b (192.0.2.12) is host-a of its deployment",
  ]);
  expect(messages(claim, deployed(hostA, null, { authorities: ours, ...swappedAgent() }))).toHaveLength(1);
});
const swappedAgent = () => ({ agentConfig: JSON.stringify(agentConfig(topology, hostB)) });

describe("adoption", () => {
  const all = topology.hosts.map((host) => deployed(host, identity(host), secretsOf(host)));

  test("of a whole deployment, with or without identities", () => {
    expect(messages(adopting, ...all)).toEqual([]);
    expect(messages(adopting, ...topology.hosts.map((host) => deployed(host, null, secretsOf(host))))).toEqual([]);
  });

  test("takes over what the hosts have, and trusts their authority", () => {
    const adopted = adoptionOf(adopting, all);
    expect(adopted?.cluster).toEqual({ gossipKey: "gossip", trusted: theirs });
    // Deployed by 0.1.
    expect(adopted?.managementToken).toBe("m");
    expect(adopted?.hosts.get("host-a")).toEqual({
      consulToken: "token of host-a",
      nodeKey: "node key of host-a",
      certified: { name: "host-a", certificate: "certificate of host-a", privateKey: "key of host-a" },
    });
    expect(adopted?.hosts.get("host-c")?.nodeKey).toBeUndefined();
  });

  test("no host has the management token: the stack is left to have its own", () => {
    const without = (host: Host) => {
      const consulSecrets = JSON.stringify({ encrypt: "gossip", acl: { tokens: { agent: `token of ${host.name}` } } });
      return deployed(host, identity(host), { ...secretsOf(host), consulSecrets });
    };
    const reports = topology.hosts.map(without);
    expect(messages(adopting, ...reports)).toEqual([]);
    expect(adoptionOf(adopting, reports)?.managementToken).toBeUndefined();
    expect(adoptionOf(adopting, reports)?.cluster.gossipKey).toBe("gossip");
  });

  test("cut off half-way it goes on with the same, and ends when all hosts are ours", () => {
    const done = (host: Host) =>
      deployed(host, identity(host, { id: claim.id, adopted: [idOf(theirs)] }), {
        ...secretsOf(host),
        authorities: ours + theirs,
      });
    const halfWay = [done(hostA), ...all.slice(1)];
    expect(messages(adopting, ...halfWay)).toEqual([]);
    expect(adoptionOf(adopting, halfWay)).toEqual(adoptionOf(adopting, all));
    expect(adoptionOf(adopting, topology.hosts.map(done))).toBeUndefined();
    expect(adoptionNotes(adopting, halfWay)).toEqual([]);
    expect(adoptionNotes(adopting, topology.hosts.map(done))).toEqual([expect.stringContaining("pulumi config rm")]);
    expect(adoptionNotes(claim, halfWay)).toEqual([]);
    expect(adoptionOf(claim, [report(hostA, {})])).toBeUndefined();
  });

  test("addresses are the same however an earlier version had them written", () => {
    const input = sampleInput();
    const v6 = sampleTopology({ hosts: input.hosts.map((host, i) => ({ ...host, address: `2001:db8::${i + 1}` })) });
    const reports = v6.hosts.map((host) => {
      const agent = JSON.stringify(agentConfig(v6, host)).replaceAll("2001:db8::", "2001:0DB8:0:0::");
      return deployed(host, null, { ...secretsOf(host), agentConfig: agent });
    });
    expect(identityFaults(v6, adopting, reports)).toEqual([]);
  });

  test("not into a stack that has hosts of its own: its secrets would be lost", () =>
    expect(messages(adopting, deployed(hostA, identity(hostA, { id: claim.id })), ...all.slice(1))).toEqual([
      expect.stringContaining("host-a (192.0.2.11) is this stack's already, and was never one of"),
    ]));

  test.each<[string, Partial<HostFacts>, string]>([
    ["another account", { agentConfig: withAgent({ account: "other.near" }) }, "with the account other.near"],
    [
      "another role",
      { agentConfig: withAgent({ roles: ["consul"] }) },
      "with the roles consul, configured is consul, neard",
    ],
    [
      "a host that nobody configured",
      { agentConfig: withAgent({ peers: [{ host: "host-x", priority: 1 }] }) },
      "to which host-x belongs too",
    ],
    ["no secrets", { consulSecrets: "" }, "does not tell the secrets that are to be adopted"],
    ["no agent", { agentConfig: "" }, "has no agent that could say as what"],
  ])("%s is refused", (_, facts, message) => {
    const changed = deployed(hostA, identity(hostA), { ...secretsOf(hostA), ...facts });
    expect(messages(adopting, changed, ...all.slice(1))).toEqual([expect.stringContaining(message)]);
  });
  function withAgent(more: object): string {
    return JSON.stringify({ ...agentConfig(topology, hostA), ...more });
  }
});
