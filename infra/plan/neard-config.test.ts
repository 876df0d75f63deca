import { describe, expect, test } from "vitest";
import type { Host } from "../config/topology.ts";
import { sampleInput, sampleTopology } from "../testing/sample.ts";
import { neardConfig } from "./neard-config.ts";

test("follows the chain as a shadow, with the key's place on tmpfs and its RPC on loopback", () =>
  expect(neardConfig(sampleTopology(), sampleTopology().hosts[0] as Host)).toMatchObject({
    validator_key_file: "/run/holdfast-key/validator_key.json",
    tracked_shards_config: { ShadowValidator: "validator.localnet" },
    store: { load_mem_tries_for_tracked_shards: true },
    rpc: { addr: "127.0.0.1:3030", cors_allowed_origins: ["*"] },
    network: { addr: "0.0.0.0:24567", skip_sync_wait: false },
  }));

test("the operator's settings are merged in, deeply", () => {
  const neard = {
    ...sampleInput().neard,
    config: { store: { max_open_files: 9000 }, network: { max_num_peers: 60 }, gc_num_epochs_to_keep: 3 },
  };
  const config = neardConfig(sampleTopology({ neard }), sampleTopology().hosts[0] as Host);
  expect(config).toMatchObject({
    gc_num_epochs_to_keep: 3,
    store: { max_open_files: 9000, load_mem_tries_for_tracked_shards: true },
    network: { max_num_peers: 60, addr: "0.0.0.0:24567" },
  });
});

test("tier 1 is neard's own affair unless it is switched off, which switches off both directions", () => {
  const host = sampleTopology().hosts[0] as Host;
  expect(neardConfig(sampleTopology(), host).network).not.toHaveProperty("tier1");
  const neard = { ...sampleInput().neard, tier1: false };
  expect(neardConfig(sampleTopology({ neard }), host).network).toMatchObject({
    tier1: { enable_inbound: false, enable_outbound: false },
  });
});

describe("where others dial it", () => {
  const withAddrs = (network: "mainnet" | "localnet", ...publicAddrs: string[]) => {
    const topology = { ...sampleTopology(), network };
    return neardConfig(topology, { ...(topology.hosts[0] as Host), publicAddrs }).network;
  };

  test("is not said unless the host has it: neard asks STUN servers", () =>
    expect(withAddrs("mainnet")).not.toHaveProperty("public_addrs"));

  test("is its own node key's, unless the entry names another node's", () => {
    const proxy = "ed25519:6E8sCci9badyRkXb3JoRpBj5p8C6Tw41ELDZoiihKEtp@203.0.113.9:24567";
    const network = withAddrs("mainnet", "203.0.113.7:24567", proxy);
    expect(network).toMatchObject({ public_addrs: ["%{own-node-key}@203.0.113.7:24567", proxy] });
    expect(network).not.toHaveProperty("allow_private_ip_in_public_addrs");
  });

  test("may be a private address in the lab", () =>
    expect(withAddrs("localnet", "10.1.2.3:24567")).toMatchObject({ allow_private_ip_in_public_addrs: true }));
});
