import { describe, expect, test } from "vitest";
import { genesis, genesisMs, ours } from "../chain/fixtures.ts";
import { genesisHash } from "../chain/genesis.ts";
import { maintenanceWindows } from "../chain/schedule.ts";
import { jsonRpc, page, type RpcSource } from "./rpc-server.ts";
import type { NodeView } from "./view.ts";

const view: NodeView = {
  genesis,
  genesisHash: genesisHash(genesis),
  nodeKey: "ed25519:node",
  rpcAddr: "127.0.0.1:3030",
  startedMs: genesisMs,
  nowMs: genesisMs + 60_000,
  reload: {
    signer: { key: ours, tenure: "t" },
    correct: true,
    reloads: 2,
    expectedShutdown: null,
    rejectedBecause: null,
  },
  head: { height: 98, hash: "head", timeMs: genesisMs + 58_800 },
  synced: true,
  syncedLately: true,
  peers: 3,
  stats: [{ account: ours.accountId, produced: 9, expected: 10, endorsed: 80, expectedEndorsements: 88 }],
  knownProducers: [{ account_id: ours.accountId, addr: null, peer_id: "ed25519:node" }],
  protocolVersion: 84,
  latestProtocolVersion: 85,
  isValidator: false,
  validatorKeys: { current: ours.publicKey, next: "ed25519:next" },
};

const get = (path: string, more: Partial<NodeView> = {}) => page({ ...view, ...more }, path);

function call(
  method: string,
  params?: unknown,
  legacy = false,
): { result?: unknown; error?: { code: number; cause: object } } {
  const source: RpcSource = { view: () => view, hung: () => false, legacy: () => legacy };
  return JSON.parse(jsonRpc(source, JSON.stringify({ jsonrpc: "2.0", id: "1", method, params })).text);
}

describe("/status", () => {
  test("shows the live signer, the head and both protocol versions", () => {
    expect(JSON.parse(get("/status").text)).toMatchObject({
      chain_id: "localnet",
      protocol_version: 84,
      latest_protocol_version: 85,
      validator_account_id: ours.accountId,
      validator_public_key: ours.publicKey,
      node_public_key: "ed25519:node",
      uptime_sec: 60,
      genesis_hash: view.genesisHash,
      sync_info: {
        latest_block_height: 98,
        latest_block_time: "2026-01-01T00:00:58.800000000Z",
        syncing: false,
        epoch_start_height: 0,
      },
    });
  });

  test("shows null for a signer that is not there", () => {
    const unloaded = { reload: { ...view.reload, signer: null } };
    const answer = JSON.parse(get("/status", unloaded).text);
    expect([answer.validator_account_id, answer.validator_public_key]).toEqual([null, null]);
  });

  test("never holds the secret", () => {
    for (const path of ["/status", "/network_info", "/metrics", "/health"])
      expect(get(path).text).not.toContain(ours.secretKey.slice(8));
  });
});

test("/health fails a node that syncs, and none whose head is old", () => {
  expect(get("/health").status).toBe(200);
  expect(get("/health", { synced: false }).status).toBe(503);
  expect(get("/health", { nowMs: genesisMs + 3_600_000 }).status).toBe(200);
});

test("near_sync_status is late, /status is not", () => {
  const late = { syncedLately: false };
  expect(get("/metrics", late).text).toContain("near_sync_status 1\n");
  expect(JSON.parse(get("/status", late).text).sync_info.syncing).toBe(false);
});

test("/metrics has all the names that are in use, and none that the real one has not", () => {
  const { text } = get("/metrics");
  expect(text).not.toContain("expected_shutdown");
  const samples = [
    "near_block_height_head 98",
    "near_sync_status 0",
    "near_is_validator 0",
    "near_peer_connections_total 3",
    'near_validators_blocks_produced{account_id="validator.localnet"} 9',
    'near_validators_blocks_expected{account_id="validator.localnet"} 10',
    'near_validators_chunks_produced{account_id="validator.localnet"} 9',
    'near_validators_chunks_expected{account_id="validator.localnet"} 10',
    "near_config_correct 1",
    "near_config_reloads_total 2",
    `near_boot_time_seconds ${genesisMs / 1000}`,
  ];
  for (const sample of samples) expect(text.split("\n")).toContain(sample);
  expect(text).toMatch(/^near_build_info\{build=.*release="lab-2.13.4".*\} 1$/m);
});

describe("JSON-RPC", () => {
  test("validators: the present epoch's, with what they produced", () => {
    expect(call("validators", [null]).result).toMatchObject({
      current_validators: [
        {
          account_id: ours.accountId,
          public_key: ours.publicKey,
          num_produced_blocks: 9,
          num_expected_blocks: 10,
          num_produced_endorsements: 80,
        },
        {},
        {},
      ],
      next_validators: [{ account_id: ours.accountId, public_key: "ed25519:next" }, {}, {}],
      prev_epoch_kickout: [],
      epoch_start_height: 0,
      epoch_height: 0,
    });
  });

  test("maintenance windows under both names, and as an older neard gave them", () => {
    const expected = maintenanceWindows(genesis, ours.accountId, 98);
    expect(call("maintenance_windows", { account_id: ours.accountId }).result).toEqual(expected);
    expect(call("EXPERIMENTAL_maintenance_windows", { account_id: ours.accountId }).result).toEqual(expected);
    expect(call("EXPERIMENTAL_maintenance_windows", [ours.accountId], true).result).toEqual(
      expected.map(({ start, end }) => [start, end]),
    );
  });

  test("a method that is not there, as an older neard says it", () => {
    const cause = { name: "METHOD_NOT_FOUND", info: { method_name: "maintenance_windows" } };
    expect(call("maintenance_windows", { account_id: ours.accountId }, true).error).toMatchObject({
      code: -32601,
      cause,
      data: "maintenance_windows",
    });
    const source: RpcSource = { view: () => view, hung: () => false, legacy: () => false };
    const text = JSON.stringify({ jsonrpc: "2.0", id: "x", method: "no_such_method", params: [] });
    expect(jsonRpc(source, text).status).toBe(400);
  });

  test("parameters that do not fit, and no JSON at all", () => {
    expect(call("maintenance_windows", {}).error?.code).toBe(-32700);
    const source: RpcSource = { view: () => view, hung: () => false, legacy: () => false };
    expect(JSON.parse(jsonRpc(source, "{").text).error.code).toBe(-32700);
  });
});
