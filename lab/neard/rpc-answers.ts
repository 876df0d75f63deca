/** The answers of neard's RPC, from a NodeView. Pure; fields and names are nearcore's. */
import { hashBase58 } from "../chain/genesis.ts";
import { maintenanceWindows, nearEpochOf, producerAt, slotStartMs } from "../chain/schedule.ts";
import { version } from "./version.ts";
import type { NodeView } from "./view.ts";

/** `GET /status` and the method `status`. */
export function status(view: NodeView): object {
  const { genesis, genesisHash } = view;
  const height = view.head?.height ?? 0;
  const epoch = nearEpochOf(genesis, height);
  return {
    version: { version: version.release, build: version.build, commit: version.commit, rustc_version: version.rustc },
    chain_id: genesis.chain_id,
    protocol_version: view.protocolVersion,
    latest_protocol_version: view.latestProtocolVersion,
    rpc_addr: view.rpcAddr,
    validators: genesis.validators.map(({ account_id }) => ({ account_id })),
    sync_info: {
      latest_block_hash: view.head?.hash ?? genesisHash,
      latest_block_height: height,
      latest_state_root: hashBase58(`state ${height}`),
      latest_block_time: nanoTime(view.head?.timeMs ?? Date.parse(genesis.genesis_time)),
      syncing: !view.synced,
      earliest_block_hash: genesisHash,
      earliest_block_height: 0,
      earliest_block_time: nanoTime(Date.parse(genesis.genesis_time)),
      epoch_id: epochId(view, epoch.number),
      epoch_start_height: epoch.start,
    },
    validator_account_id: view.reload.signer?.key.accountId ?? null,
    validator_public_key: view.reload.signer?.key.publicKey ?? null,
    node_public_key: view.nodeKey,
    node_key: view.nodeKey,
    uptime_sec: Math.floor((view.nowMs - view.startedMs) / 1000),
    genesis_hash: genesisHash,
  };
}

/** Why `GET /health` answers 503, or undefined: only while syncing, however old the head is. */
export function unhealthyBecause(view: NodeView): string | undefined {
  return view.synced ? undefined : "node is syncing";
}

/** `GET /network_info` and the method `network_info`. */
export function networkInfo(view: NodeView): object {
  return {
    active_peers: [],
    num_active_peers: view.peers,
    peer_max_count: 40,
    sent_bytes_per_sec: 0,
    received_bytes_per_sec: 0,
    known_producers: view.knownProducers,
  };
}

/** The method `validators`: always of the present epoch. */
export function validators(view: NodeView): object {
  const { genesis } = view;
  const epoch = nearEpochOf(genesis, view.head?.height ?? 0);
  return {
    current_validators: genesis.validators.map((one) => {
      const stats = view.stats.find((stat) => stat.account === one.account_id);
      return {
        account_id: one.account_id,
        public_key: publicKeyOf(view, one, "current"),
        is_slashed: false,
        stake: yocto(one.stake),
        shards: [0],
        num_produced_blocks: stats?.produced ?? 0,
        num_expected_blocks: stats?.expected ?? 0,
        num_produced_chunks: stats?.produced ?? 0,
        num_expected_chunks: stats?.expected ?? 0,
        num_produced_endorsements: stats?.endorsed ?? 0,
        num_expected_endorsements: stats?.expectedEndorsements ?? 0,
      };
    }),
    next_validators: genesis.validators.map((one) => ({
      account_id: one.account_id,
      public_key: publicKeyOf(view, one, "next"),
      stake: yocto(one.stake),
      shards: [0],
    })),
    current_fishermen: [],
    next_fishermen: [],
    current_proposals: [],
    prev_epoch_kickout: [],
    epoch_start_height: epoch.start,
    epoch_height: epoch.number,
  };
}

/** The genesis says all keys; ours may have changed since. */
function publicKeyOf(view: NodeView, one: NodeView["genesis"]["validators"][number], when: "current" | "next"): string {
  if (one.account_id !== view.genesis.account) return one.public_key;
  return view.validatorKeys?.[when] ?? one.public_key;
}

/** `maintenance_windows` and its EXPERIMENTAL name; with `legacy` the pairs that the latter gave before 2.10. */
export function windows(view: NodeView, account: string, legacy: boolean): object[] {
  const found = maintenanceWindows(view.genesis, account, view.head?.height ?? 0);
  return legacy ? found.map(({ start, end }) => [start, end]) : found;
}

/** The method `block`: the head, whatever block was asked for. */
export function block(view: NodeView): object {
  const height = view.head?.height ?? 0;
  const timeMs = view.head?.timeMs ?? slotStartMs(view.genesis, 0);
  return {
    author: producerAt(view.genesis, height),
    header: {
      height,
      hash: view.head?.hash ?? view.genesisHash,
      epoch_id: epochId(view, nearEpochOf(view.genesis, height).number),
      timestamp: Math.round(timeMs) * 1_000_000,
      timestamp_nanosec: `${Math.round(timeMs)}000000`,
      latest_protocol_version: view.protocolVersion,
    },
    chunks: [],
  };
}

/** The method `EXPERIMENTAL_protocol_config`, as far as the lab's chain has one. */
export function protocolConfig(view: NodeView): object {
  const { genesis } = view;
  return {
    protocol_version: view.protocolVersion,
    chain_id: genesis.chain_id,
    genesis_height: 0,
    genesis_time: genesis.genesis_time,
    epoch_length: genesis.epoch_length,
    num_block_producer_seats: genesis.validators.length,
  };
}

function epochId(view: NodeView, number: number): string {
  return hashBase58(`${view.genesisHash} epoch ${number}`);
}

function yocto(stake: number): string {
  return `${stake}${"0".repeat(24)}`;
}

/** nearcore prints nanoseconds. */
function nanoTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000000Z");
}
