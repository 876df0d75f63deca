import { describe, expect, test } from "vitest";
import { parseValidatorKey } from "../../contract/near-key.ts";
import { sampleTopology } from "../testing/sample.ts";
import {
  adoptersToken,
  certificateRequest,
  consulSecretsJson,
  makeClusterSecrets,
  makeHostSecrets,
} from "./make-secrets.ts";

test("no two hosts or clusters get the same", () => {
  const [a, b] = [makeHostSecrets(), makeHostSecrets()];
  for (const name of ["consulAccessor", "consulToken", "nodeKey"] as const) expect(a[name]).not.toBe(b[name]);
  expect(makeClusterSecrets().gossipKey).not.toBe(makeClusterSecrets().gossipKey);
});

test("Consul's gossip key has 32 bytes", () =>
  expect(Buffer.from(makeClusterSecrets().gossipKey, "base64")).toHaveLength(32));

test("the node key is one that neard can read", () =>
  expect(parseValidatorKey(makeHostSecrets().nodeKey, "node").publicKey).toMatch(/^ed25519:/));

describe("by role", () => {
  const topology = sampleTopology();
  const [server] = topology.hosts;
  if (server === undefined) throw new Error("the sample has no hosts");
  const client = { ...server, roles: ["neard"] as const };

  test("only a server's certificate lets it speak as one", () => {
    expect(certificateRequest(topology, server).dnsNames).toContain("server.holdfast.consul");
    expect(certificateRequest(topology, client).dnsNames).not.toContain("server.holdfast.consul");
    expect(certificateRequest(topology, client).addresses).toEqual(["127.0.0.1", "192.0.2.11"]);
  });
});

test("no host's Consul is told the management token", () => {
  const [cluster, host] = [makeClusterSecrets(), makeHostSecrets()];
  expect(JSON.parse(consulSecretsJson(cluster, host))).toEqual({
    encrypt: cluster.gossipKey,
    acl: { tokens: { agent: host.consulToken } },
  });
});

test("an adopting stack has one management token through all of its runs, and no two stacks have the same", () => {
  const token = adoptersToken("one authority's key");
  expect(token).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(adoptersToken("one authority's key")).toBe(token);
  expect(adoptersToken("another's")).not.toBe(token);
});
