import { describe, expect, test } from "vitest";
import { stripComments } from "../../contract/json-with-comments.ts";
import { defaultNetwork, defaultRpc, parseBootNodes, parseConfig, tracksAllShards } from "./config.ts";

const wholeConsensus = {
  min_num_peers: 3,
  block_production_tracking_delay: { secs: 0, nanos: 10_000_000 },
  min_block_production_delay: { secs: 0, nanos: 600_000_000 },
  max_block_production_delay: { secs: 2, nanos: 0 },
  max_block_wait_delay: { secs: 6, nanos: 0 },
  produce_empty_blocks: true,
  block_header_fetch_horizon: 50,
  catchup_step_period: { secs: 0, nanos: 100_000_000 },
  chunk_request_retry_period: { secs: 0, nanos: 400_000_000 },
};
const parse = (config: object) => parseConfig(JSON.stringify(config));

describe("tracked shards", () => {
  const good = [
    "NoShards",
    "AllShards",
    { Shards: ["s0.v3"] },
    { ShadowValidator: "pool.near" },
    { Accounts: ["a.near"] },
  ];
  test.each(good.map((value) => [JSON.stringify(value), value]))("%s is taken", (_, value) => {
    expect(parse({ tracked_shards_config: value }).tracked_shards_config).toEqual(value);
  });

  test.each(["Everything", { Shadow: "pool.near" }, { ShadowValidator: 5 }])("%j is not", (value) => {
    expect(() => parse({ tracked_shards_config: value })).toThrow("tracked_shards_config");
  });

  const older: [string, unknown][] = [
    ["tracked_shards", [0]],
    ["tracked_accounts", ["a.near"]],
    ["tracked_shadow_validator", "pool.near"],
    ["tracked_shard_schedule", [[0]]],
  ];
  test.each(older)("the new field and the older %s exclude each other", (field, value) => {
    expect(() => parse({ tracked_shards_config: { ShadowValidator: "pool.near" }, [field]: value })).toThrow(
      `'config.${field}' and 'config.tracked_shards_config' cannot be both set`,
    );
    expect(() => parse({ [field]: value })).not.toThrow();
  });

  test("all shards are tracked by the new word and by the older list", () => {
    const values = [{ tracked_shards_config: "AllShards" }, { tracked_shards: [0] }, { tracked_shards: [] }, {}];
    expect(values.map((value) => tracksAllShards(parse(value)))).toEqual([true, true, false, false]);
  });
});

test("every semantic fault is named at once", () => {
  const faulty = { archive: false, save_trie_changes: false, gc_blocks_limit: 0, tx_routing_height_horizon: 1 };
  expect(() => parse(faulty)).toThrow(/gc config.*\n.*horizon.*\n.*save_trie_changes/);
});

test("a shortest block time above the longest is a fault", () => {
  const consensus = {
    ...wholeConsensus,
    min_block_production_delay: { secs: 3, nanos: 0 },
    max_block_production_delay: { secs: 2, nanos: 500_000_000 },
  };
  expect(() => parse({ consensus })).toThrow("min_block_production_delay is greater");
});

describe("a section that is there must be whole where nearcore has no defaults", () => {
  test("consensus", () => {
    expect(() => parse({ consensus: wholeConsensus })).not.toThrow();
    for (const field of Object.keys(wholeConsensus))
      expect(() => parse({ consensus: { ...wholeConsensus, [field]: undefined } }), field).toThrow(field);
  });

  test("rpc and network", () => {
    expect(() => parse({ rpc: { ...defaultRpc, polling_config: undefined } })).toThrow("rpc.polling_config");
    expect(() => parse({ rpc: { ...defaultRpc, cors_allowed_origins: undefined } })).toThrow("cors_allowed_origins");
    expect(() => parse({ network: { ...defaultNetwork, ban_window: undefined } })).toThrow("network.ban_window");
  });
});

test("tier 1 is on unless it is off", () => {
  const outbound = (network: object) =>
    parse({ network: { ...defaultNetwork, ...network } }).network.tier1.enable_outbound;
  expect([outbound({}), outbound({ tier1: {} }), outbound({ tier1: { enable_outbound: false } })]).toEqual([
    true,
    true,
    false,
  ]);
});

test("defaults are nearcore's", () => {
  expect(parse({})).toMatchObject({
    validator_key_file: "validator_key.json",
    rpc: { addr: "0.0.0.0:3030" },
    network: { addr: "0.0.0.0:24567", boot_nodes: "" },
    store: { load_mem_tries_for_tracked_shards: false },
  });
});

test("boot nodes are one comma-separated string", () => {
  const key = "ed25519:7PGseFbWxvYVgZ89K1uTJKYoKetWs7BJtbyXDzfbAcqX";
  expect(parseBootNodes(`${key}@10.0.0.1:24567,${key}@[fd00::1]:24568`)).toEqual([
    { host: "10.0.0.1", port: 24567 },
    { host: "fd00::1", port: 24568 },
  ]);
  expect(() => parseBootNodes("10.0.0.1:24567")).toThrow("Failed to parse PeerInfo");
  expect(() => parse({ network: { ...defaultNetwork, boot_nodes: "nonsense" } })).toThrow("malformed boot node");
});

test("comments go, strings stay", () => {
  const text = '{ // one\n "a": "x // y", /* two\n */ "b": "\\"#", # three\n "c": 1 }';
  expect(JSON.parse(stripComments(text))).toEqual({ a: "x // y", b: '"#', c: 1 });
});
