import { expect, test } from "vitest";
import { sampleInput, sampleTopology } from "../testing/sample.ts";
import { neardConfig } from "./neard-config.ts";

test("follows the chain as a shadow, with the key's place on tmpfs and its RPC on loopback", () =>
  expect(neardConfig(sampleTopology())).toMatchObject({
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
  const config = neardConfig(sampleTopology({ neard }));
  expect(config).toMatchObject({
    gc_num_epochs_to_keep: 3,
    store: { max_open_files: 9000, load_mem_tries_for_tracked_shards: true },
    network: { max_num_peers: 60, addr: "0.0.0.0:24567" },
  });
});

test("tier 1 is neard's own affair unless it is switched off, which switches off both directions", () => {
  expect(neardConfig(sampleTopology()).network).not.toHaveProperty("tier1");
  const neard = { ...sampleInput().neard, tier1: false };
  expect(neardConfig(sampleTopology({ neard })).network).toMatchObject({
    tier1: { enable_inbound: false, enable_outbound: false },
  });
});
