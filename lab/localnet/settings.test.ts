import { expect, test } from "vitest";
import { parse } from "yaml";
import { settingsSchema } from "../../infra/config/schema.ts";
import { sampleHostKey } from "../../infra/testing/sample.ts";
import { type Lab, newLab } from "../hosts/description.ts";
import { hasSecrets, stackFile, withoutSecrets } from "./settings.ts";

const host = (name: string, address: string) =>
  ({ name, address, user: "root", port: 22, hostKey: sampleHostKey(name), arch: "x64" }) as const;
const lab: Lab = {
  ...newLab("test", 3),
  hosts: ["host-a", "host-b", "host-c"].map((name, i) => host(name, `10.77.3.${11 + i}`)),
};
const chain = {
  chainId: "localnet",
  account: "validator.localnet",
  bootNode: "ed25519:4UD2eNkLtA7SNaom5HpsyeDfgKEaTzdJQdQte3sZijX8@10.77.3.1:24567",
  controlSocket: "/c/control.sock",
  genesisFile: "/c/genesis.json",
  validatorKeyFile: "/c/validator_key.json",
};
const facts = { lab, chain, neardSource: ".localnet/test/neard", neardVersion: "2.13.4" };

function settingsOf(text: string) {
  const { config } = parse(text) as { config: Record<string, unknown> };
  const named = Object.entries(config).map(([key, value]) => [key.replace("holdfast:", ""), value]);
  return settingsSchema.parse({ validatorKey: "secret", ssh: {}, ...Object.fromEntries(named) });
}

test("a new stack: settings that holdfast takes, two hosts that can validate, one that only votes", () => {
  const settings = settingsOf(stackFile(facts, ""));
  expect(settings.hosts.map((one) => [one.name, one.roles.join()])).toEqual([
    ["host-a", "neard,consul"],
    ["host-b", "neard,consul"],
    ["host-c", "consul"],
  ]);
  expect(settings.neard).toMatchObject({ chainId: "localnet", bootNodes: [chain.bootNode], version: "2.13.4" });
});

test("written twice it is the same", () => {
  const once = stackFile(facts, "");
  expect(stackFile(facts, once)).toBe(once);
});

test("what the operator changed stays; what the lab decides follows the lab", () => {
  const changed = stackFile(facts, "")
    .replace("name: host-b", "name: host-b\n      priority: 500")
    .replace("address: 10.77.3.12", "address: 10.77.9.12")
    .replace("config:\n", "config:\n  holdfast:lease:\n    leaseMs: 5000\n");
  const settings = settingsOf(stackFile(facts, changed));
  expect(settings.lease.leaseMs).toBe(5000);
  expect(settings.hosts[1]).toMatchObject({ name: "host-b", priority: 500, address: "10.77.3.12" });
});

test("a host more can validate and does not vote; a host less is gone", () => {
  const bigger = { ...lab, hosts: [...lab.hosts, host("host-d", "10.77.3.14")] };
  const text = stackFile({ ...facts, lab: bigger }, stackFile(facts, ""));
  expect(settingsOf(text).hosts[3]).toMatchObject({ name: "host-d", roles: ["neard"] });
  expect(settingsOf(stackFile(facts, text)).hosts).toHaveLength(3);
});

test("secrets are kept with their salt, and dropped with it", () => {
  const encrypted = `encryptionsalt: v1:salt\nconfig:\n  holdfast:validatorKey:\n    secure: v1:a\n  holdfast:ssh:\n    privateKey:\n      secure: v1:b\n`;
  const text = stackFile(facts, encrypted);
  const secrets = ["holdfast:validatorKey", "holdfast:ssh.privateKey"];
  expect(hasSecrets(text, secrets)).toBe(true);
  expect(hasSecrets(text, [...secrets, "holdfast:hcloud.token"])).toBe(false);
  expect(text).toContain("v1:salt");
  const bare = withoutSecrets(text);
  expect(hasSecrets(bare, secrets)).toBe(false);
  expect(bare).not.toMatch(/v1:/);
  expect(settingsOf(bare).hosts).toHaveLength(3);
});

test("a real network: all of its nodes to start from, and this machine's settings below the operator's own", () => {
  const nodes = [chain.bootNode, chain.bootNode.replace("10.77.3.1:", "10.77.3.252:")];
  const real = {
    ...facts,
    chain: { ...chain, chainId: "test-chain-test", bootNode: nodes.join(",") },
    neardConfig: { network: { trusted_stun_servers: [] }, store: { max_open_files: 1000 } },
  };
  const text = stackFile(real, "");
  expect(settingsOf(text).neard).toMatchObject({ bootNodes: nodes, config: real.neardConfig });
  const changed = text.replace("max_open_files: 1000", "max_open_files: 700\n        enable_statistics: true");
  expect(settingsOf(stackFile(real, changed)).neard.config).toEqual({
    network: { trusted_stun_servers: [] },
    store: { max_open_files: 700, enable_statistics: true },
  });
});

test("hosts of the lab's cloud: three in three locations, and what the operator made of them stays", () => {
  const empty = { ...facts, lab: { ...lab, hosts: [] }, cloud: { endpoint: "http://10.77.3.1:4711/v1" } };
  const first = stackFile(empty, "");
  expect(settingsOf(first.replace("endpoint:", `token: ${"a".repeat(64)}\n    endpoint:`))).toMatchObject({
    hcloud: { endpoint: "http://10.77.3.1:4711/v1" },
    hosts: [
      { name: "host-a", roles: ["neard", "consul"], cloud: { location: "fsn1" } },
      { name: "host-b", roles: ["neard", "consul"], cloud: { location: "nbg1" } },
      { name: "host-c", roles: ["consul"], cloud: { location: "hel1" } },
    ],
  });
  // The lab knows them by now, as servers of its cloud's: they do not become hosts that exist.
  const known = { ...lab, hosts: lab.hosts.map((one, id) => ({ ...one, server: { id, name: one.name } })) };
  const changed = first.replace("location: nbg1", "location: nbg1\n        serverType: cx43");
  const second = stackFile({ ...empty, lab: known }, changed);
  expect(second).toBe(changed);
});
