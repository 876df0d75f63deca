/** `neard init`: makes what is absent in a home and leaves alone what is there. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateValidatorKey, keyFileJson, parseValidatorKey, type ValidatorKey } from "../../contract/near-key.ts";
import { accountSchema } from "../../contract/topology.ts";
import { type Genesis, genesisSchema } from "../chain/genesis.ts";
import { defaultNetwork, defaultRpc, parseBootNodes, parseConfig } from "./config.ts";
import { readGenesis, refusePublicNetwork } from "./home.ts";
import { version } from "./version.ts";

export interface InitFlags {
  readonly home: string;
  readonly chainId?: string | undefined;
  readonly accountId?: string | undefined;
  readonly bootNodes?: string | undefined;
  /** A genesis file to copy; the lab has none to download. */
  readonly genesis?: string | undefined;
}

/** The account of a validator key that nobody named. */
const anyAccount = "test.near";

/**
 * Makes a home: config.json (0644; tracks all shards, like the real one), log_config.json, genesis.json
 * (0644), node_key.json and validator_key.json (0600: every chain but the public ones gets one). Where a
 * config.json is, only absent keys are made, whatever the flags say.
 * @throws Refused on a public network; Error for a malformed account or boot node, or a home with a
 *   config.json and no genesis.json
 */
export function init(flags: InitFlags): void {
  const { home } = flags;
  refusePublicNetwork(flags.chainId ?? "");
  parseBootNodes(flags.bootNodes ?? "");
  const account = accountSchema.parse(flags.accountId ?? anyAccount);
  mkdirSync(home, { recursive: true });
  const make = (name: string, content: () => string, mode: number) => {
    const path = join(home, name);
    if (!existsSync(path)) writeFileSync(path, content(), { mode });
  };
  const makeKeys = () => {
    make("node_key.json", () => keyFileJson(generateValidatorKey("node")), 0o600);
    make("validator_key.json", () => keyFileJson(generateValidatorKey(account)), 0o600);
  };
  const configFile = join(home, "config.json");
  if (existsSync(configFile)) {
    readGenesis(home, parseConfig(readFileSync(configFile, "utf8")));
    makeKeys();
    return;
  }
  makeKeys();
  make("config.json", () => `${JSON.stringify(firstConfig(flags.bootNodes ?? ""), null, 2)}\n`, 0o644);
  make("log_config.json", () => "{}\n", 0o644);
  const key = parseValidatorKey(readFileSync(join(home, "validator_key.json"), "utf8"));
  const genesis = () =>
    flags.genesis === undefined
      ? `${JSON.stringify(genesisOfOne(flags.chainId ?? "test-chain-lab", key), null, 2)}\n`
      : readFileSync(flags.genesis, "utf8");
  make("genesis.json", genesis, 0o644);
}

/** A chain of its own with one validator, as the real one writes it. */
function genesisOfOne(chainId: string, key: ValidatorKey): Genesis {
  return genesisSchema.parse({
    chain_id: chainId,
    genesis_time: new Date().toISOString(),
    protocol_version: version.protocol,
    slot_ms: 600,
    epoch_length: 43_200,
    account: key.accountId,
    validators: [{ account_id: key.accountId, public_key: key.publicKey, stake: 100 }],
  });
}

function firstConfig(bootNodes: string): object {
  return {
    genesis_file: "genesis.json",
    validator_key_file: "validator_key.json",
    node_key_file: "node_key.json",
    rpc: defaultRpc,
    network: { ...defaultNetwork, boot_nodes: bootNodes },
    tracked_shards_config: "AllShards",
    store: { load_mem_tries_for_tracked_shards: false },
  };
}
