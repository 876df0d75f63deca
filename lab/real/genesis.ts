/**
 * The genesis and the nodes' configuration of a network of real neards. Pure.
 *
 * neard makes both itself (`neard localnet`), so they fit its release, whichever that is; what is changed
 * here is what the lab needs: our account among the validators, keys that nobody else has (`neard localnet`
 * derives them from the nodes' names), short NEAR epochs, and the connections of a real network.
 */
import type { ValidatorKey } from "../../contract/near-key.ts";

type Json = Record<string, unknown>;

/** About a minute. A node that is two of them behind begins anew by itself (nearcore: epoch_sync_horizon). */
export const epochLength = 100;

/** Where neard's names in what it made become ours. */
export interface Renamed {
  /** As `neard localnet` calls it, such as node0. */
  readonly from: string;
  readonly key: Pick<ValidatorKey, "accountId" | "publicKey">;
}

export interface GenesisPlan {
  /** Must begin with `test-chain-`: in any other neard takes the epoch's length from its own tables. */
  readonly chainId: string;
  readonly renamed: readonly Renamed[];
}

/** @throws Error when what neard made is not as expected */
export function labGenesis(made: Json, { chainId, renamed }: GenesisPlan): Json {
  const names = new Map(renamed.map(({ from, key }) => [from, key]));
  const key = (account: string) => names.get(account);
  const validators = (made.validators as { account_id: string; public_key: string; amount: string }[]).map(
    (validator) => {
      const ours = key(validator.account_id);
      if (ours === undefined) throw new Error(`neard's genesis has a validator ${validator.account_id}`);
      return { ...validator, account_id: ours.accountId, public_key: ours.publicKey };
    },
  );
  if (validators.length !== renamed.length)
    throw new Error(`neard's genesis has ${validators.length} validators instead of ${renamed.length}`);
  const records = (made.records as Json[]).map((record) =>
    Object.fromEntries(
      Object.entries(record).map(([kind, value]) => {
        const entry = value as Json & { account_id?: string };
        const ours = entry.account_id === undefined ? undefined : key(entry.account_id);
        if (ours === undefined) return [kind, entry];
        const owner = { ...entry, account_id: ours.accountId };
        return [kind, "public_key" in entry ? { ...owner, public_key: ours.publicKey } : owner];
      }),
    ),
  );
  return {
    ...made,
    chain_id: chainId,
    epoch_length: epochLength,
    // A validator that was kicked out would have to stake anew: the lab's is silent on purpose, and for long.
    block_producer_kickout_threshold: 0,
    chunk_producer_kickout_threshold: 0,
    chunk_validator_only_kickout_threshold: 0,
    validators,
    records,
  };
}

export interface NodePlan {
  readonly address: string;
  readonly networkPort: number;
  readonly rpcPort: number;
  /** `ed25519:…` of the node's own key. */
  readonly nodeKey: string;
  /** `ed25519:…@address:port` of the others. */
  readonly bootNodes: readonly string[];
  /** null: as many as neard likes. */
  readonly maxOpenFiles: number | null;
}

/** config.json of a node of the network, from the one that neard made for it. */
export function nodeConfig(made: Json, plan: NodePlan): Json {
  const at = `${plan.address}:${plan.networkPort}`;
  const network = made.network as Json;
  return {
    ...made,
    rpc: { ...(made.rpc as Json), addr: `${plan.address}:${plan.rpcPort}`, enable_debug_rpc: true },
    network: {
      ...network,
      addr: at,
      public_addrs: [`${plan.nodeKey}@${at}`],
      allow_private_ip_in_public_addrs: true,
      boot_nodes: plan.bootNodes.join(","),
      trusted_stun_servers: [],
      // As validators of public networks have it; `neard localnet` writes 5 s.
      tier1: { ...(network.tier1 as Json | undefined), connect_interval: { secs: 60, nanos: 0 } },
    },
    store: {
      ...(made.store as Json | undefined),
      ...(plan.maxOpenFiles === null ? {} : { max_open_files: plan.maxOpenFiles }),
    },
    telemetry: { endpoints: [] },
    consensus: { ...(made.consensus as Json), min_num_peers: 1 },
  };
}
