/** `neard init`: makes what is absent in a home and leaves alone what is there. */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateValidatorKey, keyFileJson } from "../../contract/near-key.ts";
import { accountSchema } from "../../contract/topology.ts";
import { parseBootNodes } from "./config.ts";
import { refusePublicNetwork } from "./home.ts";

export interface InitFlags {
  readonly home: string;
  readonly chainId?: string | undefined;
  readonly accountId?: string | undefined;
  readonly bootNodes?: string | undefined;
  /** A genesis file to copy; the lab has none to download. */
  readonly genesis?: string | undefined;
}

/**
 * Writes config.json (with tracked_shards_config AllShards, like the real one), node_key.json,
 * log_config.json, and validator_key.json when an account is given.
 * @throws Refused on a public network; Error for a malformed account or boot node
 */
export function init(flags: InitFlags): void {
  refusePublicNetwork(flags.chainId ?? "");
  parseBootNodes(flags.bootNodes ?? "");
  mkdirSync(flags.home, { recursive: true });
  const make = (name: string, content: () => string, mode: number) => {
    const path = join(flags.home, name);
    if (!existsSync(path)) writeFileSync(path, content(), { mode });
  };
  make("config.json", () => `${JSON.stringify(firstConfig(flags.bootNodes ?? ""), null, 2)}\n`, 0o644);
  make("log_config.json", () => "{}\n", 0o644);
  make("node_key.json", () => keyFileJson(generateValidatorKey("node")), 0o600);
  const { accountId, genesis } = flags;
  if (accountId !== undefined) {
    accountSchema.parse(accountId);
    make("validator_key.json", () => keyFileJson(generateValidatorKey(accountId)), 0o600);
  }
  const genesisFile = join(flags.home, "genesis.json");
  if (genesis !== undefined && !existsSync(genesisFile)) copyFileSync(genesis, genesisFile);
}

function firstConfig(bootNodes: string): object {
  return {
    genesis_file: "genesis.json",
    validator_key_file: "validator_key.json",
    node_key_file: "node_key.json",
    rpc: { addr: "0.0.0.0:3030" },
    network: { addr: "0.0.0.0:24567", boot_nodes: bootNodes, public_addrs: [] },
    tracked_shards_config: "AllShards",
    store: { load_mem_tries_for_tracked_shards: false },
  };
}
