/**
 * What the chain keeps in its directory. Made at the first start:
 *
 *   genesis.json         goes to every neard's home
 *   validator_key.json   ours: random, the one that the hosts guard
 *   node_key.json        the chain's own
 *   boot-node.txt        `ed25519:<base58>@address:port`, goes to every neard's network.boot_nodes
 *   state.json           the last height announced, so that a restart repeats none; changes of our account's key
 *   witness.jsonl        every event that the witness saw
 *
 * The other validators' secret halves are thrown away: the chain makes their blocks itself.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { HoldfastError } from "../../contract/errors.ts";
import { generateValidatorKey, keyFileJson, parseValidatorKey } from "../../contract/near-key.ts";
import { type Genesis, genesisSchema } from "./genesis.ts";
import { keyChangeSchema } from "./validator-keys.ts";

/** Of the network at genesis; `POST /protocol` raises it. Only comparisons with neard's matter. */
const firstProtocolVersion = 84;

/** Ours has a quarter of the stake: blocks often enough to miss some, windows long enough to use. */
const stakes = [100, 75, 75, 75, 75];

/** Settings of a new chain; one that exists refuses others than its own. */
export interface ChainSettings {
  readonly chainId?: string | undefined;
  readonly slotMs?: number | undefined;
  readonly epochLength?: number | undefined;
  /** See genesis.ts. */
  readonly tier1IntervalMs?: number | undefined;
}

const stateSchema = z.object({
  /** -1 before the first. */
  lastHeight: z.number().int(),
  protocolVersion: z.number().int(),
  /** Of our account's key on chain, in order. */
  keyChanges: z.array(keyChangeSchema).default([]),
});
export type ChainState = z.infer<typeof stateSchema>;

export interface ChainDirectory {
  readonly genesis: Genesis;
  /** The chain's own public node key, `ed25519:<base58>`. */
  readonly nodeKey: string;
  readonly state: ChainState;
  /** Atomic; called once a slot. */
  save(state: ChainState): void;
  writeBootNode(address: string, port: number): void;
}

/**
 * Opens `directory`, and makes it at the first start.
 * @throws HoldfastError HF_LAB when `settings` differ from those the chain was made with
 */
export function openDirectory(directory: string, settings: ChainSettings): ChainDirectory {
  mkdirSync(directory, { recursive: true });
  const file = (name: string) => join(directory, name);
  if (!existsSync(file("genesis.json"))) create(file, settings);
  const genesis = genesisSchema.parse(JSON.parse(readFileSync(file("genesis.json"), "utf8")));
  refuseOtherSettings(directory, genesis, settings);
  const { publicKey: nodeKey } = parseValidatorKey(readFileSync(file("node_key.json"), "utf8"));
  return {
    genesis,
    nodeKey,
    state: existsSync(file("state.json"))
      ? stateSchema.parse(JSON.parse(readFileSync(file("state.json"), "utf8")))
      : { lastHeight: -1, protocolVersion: genesis.protocol_version, keyChanges: [] },
    save: (state) => replace(file("state.json"), `${JSON.stringify(state)}\n`, 0o644),
    writeBootNode: (address, port) => replace(file("boot-node.txt"), `${nodeKey}@${address}:${port}\n`, 0o644),
  };
}

/** genesis.json comes last: with it the directory is complete, without it the next start begins anew. */
function create(file: (name: string) => string, settings: ChainSettings): void {
  const chainId = settings.chainId ?? "localnet";
  const accounts = ["validator", "node1", "node2", "node3", "node4"].map((name) => `${name}.${chainId}`);
  const keys = accounts.map(generateValidatorKey);
  const [ours] = keys;
  if (ours === undefined) throw new Error("there is at least one validator");
  const genesis = genesisSchema.parse({
    chain_id: chainId,
    genesis_time: new Date().toISOString(),
    protocol_version: firstProtocolVersion,
    slot_ms: settings.slotMs ?? 600,
    epoch_length: settings.epochLength ?? 100,
    tier1_interval_ms: settings.tier1IntervalMs,
    account: ours.accountId,
    validators: keys.map((key, i) => ({ account_id: key.accountId, public_key: key.publicKey, stake: stakes[i] })),
  });
  replace(file("validator_key.json"), keyFileJson(ours), 0o600);
  replace(file("node_key.json"), keyFileJson(generateValidatorKey("node")), 0o600);
  replace(file("genesis.json"), `${JSON.stringify(genesis, null, 2)}\n`, 0o644);
}

function refuseOtherSettings(directory: string, genesis: Genesis, settings: ChainSettings): void {
  const pairs = [
    ["--chain-id", settings.chainId, genesis.chain_id],
    ["--slot-ms", settings.slotMs, genesis.slot_ms],
    ["--epoch-length", settings.epochLength, genesis.epoch_length],
    ["--tier1-interval-ms", settings.tier1IntervalMs, genesis.tier1_interval_ms],
  ] as const;
  for (const [flag, wanted, present] of pairs)
    if (wanted !== undefined && wanted !== present)
      throw new HoldfastError("HF_LAB", `The chain in ${directory} was made with ${flag} ${present}, not ${wanted}.`, {
        next: `Leave ${flag} out, or remove ${directory} to make a new chain.`,
      });
}

function replace(path: string, content: string, mode: number): void {
  writeFileSync(`${path}.new`, content, { mode });
  renameSync(`${path}.new`, path);
}
