import { expect, test } from "vitest";
import { generateValidatorKey } from "../../contract/near-key.ts";
import { epochLength, labGenesis, nodeConfig } from "./genesis.ts";

const ours = generateValidatorKey("validator.localnet");
const theirs = generateValidatorKey("node1.localnet");
const renamed = [
  { from: "node0", key: ours },
  { from: "node1", key: theirs },
];

/** As `neard localnet` writes it, in small. */
const made = () => ({
  chain_id: "test-chain-abcde",
  epoch_length: 60,
  block_producer_kickout_threshold: 90,
  chunk_producer_kickout_threshold: 60,
  chunk_validator_only_kickout_threshold: 60,
  gas_limit: 1_000_000_000_000_000,
  protocol_version: 86,
  validators: [
    { account_id: "node0", public_key: "ed25519:a", amount: "50" },
    { account_id: "node1", public_key: "ed25519:b", amount: "50" },
  ],
  records: [
    { Account: { account_id: "node0", account: { amount: "950", locked: "50" } } },
    { AccessKey: { account_id: "node0", public_key: "ed25519:a", access_key: { nonce: 0, permission: "FullAccess" } } },
    { Account: { account_id: "node1", account: { amount: "950", locked: "50" } } },
    { AccessKey: { account_id: "node1", public_key: "ed25519:b", access_key: { nonce: 0, permission: "FullAccess" } } },
    { Account: { account_id: "near", account: { amount: "1000", locked: "0" } } },
  ],
});

test("our account and keys take the place of those that neard made, in validators and in the state", () => {
  const genesis = labGenesis(made(), { chainId: "test-chain-lab", renamed });
  const text = JSON.stringify(genesis);
  expect(text).not.toMatch(/"node[01]"|ed25519:a|ed25519:b/);
  expect(genesis.validators).toEqual([
    { account_id: ours.accountId, public_key: ours.publicKey, amount: "50" },
    { account_id: theirs.accountId, public_key: theirs.publicKey, amount: "50" },
  ]);
  expect(genesis.records).toContainEqual({
    AccessKey: {
      account_id: ours.accountId,
      public_key: ours.publicKey,
      access_key: { nonce: 0, permission: "FullAccess" },
    },
  });
  expect(genesis.records).toContainEqual({ Account: { account_id: "near", account: { amount: "1000", locked: "0" } } });
});

test("NEAR epochs are short, nobody is kicked out, and the chain is one whose epoch settings count", () => {
  expect(labGenesis(made(), { chainId: "test-chain-lab", renamed })).toMatchObject({
    chain_id: "test-chain-lab",
    epoch_length: epochLength,
    block_producer_kickout_threshold: 0,
    chunk_producer_kickout_threshold: 0,
    chunk_validator_only_kickout_threshold: 0,
    protocol_version: 86,
    gas_limit: 1_000_000_000_000_000,
  });
});

test("a genesis with other validators than planned is refused", () => {
  const plan = { chainId: "test-chain-lab", renamed: renamed.slice(0, 1) };
  expect(() => labGenesis(made(), plan)).toThrow("has a validator node1");
  const more = { chainId: "test-chain-lab", renamed: [...renamed, { from: "node2", key: theirs }] };
  expect(() => labGenesis(made(), more)).toThrow("2 validators instead of 3");
});

test("a node listens on its address, knows the others, and connects as on a public network", () => {
  const config = nodeConfig(
    {
      rpc: { addr: "127.0.0.1:1", limits_config: { a: 1 } },
      network: { addr: "127.0.0.1:2", tier1: { connect_interval: { secs: 5, nanos: 0 }, enable_inbound: true }, x: 3 },
      store: { path: null },
      consensus: { min_num_peers: 3, y: 4 },
      archive: false,
    },
    {
      address: "10.77.9.251",
      networkPort: 24567,
      rpcPort: 3030,
      nodeKey: "ed25519:own",
      bootNodes: ["ed25519:one@10.77.9.252:24567", "ed25519:two@10.77.9.253:24567"],
      maxOpenFiles: 1000,
    },
  );
  expect(config).toMatchObject({
    archive: false,
    rpc: { addr: "10.77.9.251:3030", limits_config: { a: 1 } },
    network: {
      addr: "10.77.9.251:24567",
      public_addrs: ["ed25519:own@10.77.9.251:24567"],
      boot_nodes: "ed25519:one@10.77.9.252:24567,ed25519:two@10.77.9.253:24567",
      tier1: { connect_interval: { secs: 60, nanos: 0 }, enable_inbound: true },
      x: 3,
    },
    store: { path: null, max_open_files: 1000 },
    consensus: { min_num_peers: 1, y: 4 },
  });
});
